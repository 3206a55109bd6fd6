import { vi } from "vitest";
import type { Answer, AnswerEvent, Answers, BeginAnswer, Session, SessionStoreOptions } from "langchain-redis-sessions";
import { SessionStore } from "langchain-redis-sessions";
import { type OwnerKeys, ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import { lines } from "../../runnables/support/conversation.js";
import { storedKeys } from "../../sessions/support/stored-keys.js";
import type { Client } from "../../support/topologies.js";
import { freshId } from "../../support/turns.js";

/** A user with one conversation, below a prefix of their own. */
export class Answering {
  readonly store: SessionStore;
  readonly session: Session;
  readonly token: string;
  readonly keyPrefix: string;
  readonly keys: OwnerKeys;
  readonly #client: Client;
  readonly #stores: SessionStore[] = [];
  readonly #begun: Answer[] = [];

  private constructor(
    client: Client,
    store: SessionStore,
    created: { session: Session; token: string },
    prefix: string,
  ) {
    this.#client = client;
    this.store = store;
    this.session = created.session;
    this.token = created.token;
    this.keyPrefix = prefix;
    this.keys = ownerKeys(prefix, ownerTag(created.session.userId, undefined));
    this.#stores.push(store);
  }

  static async on(client: Client, options: Omit<SessionStoreOptions, "client"> = {}): Promise<Answering> {
    const keyPrefix = options.keyPrefix ?? freshId();
    const store = new SessionStore({ client, keyPrefix, maxSessionsPerUser: 100, ...options });
    const created = await store.create({ userId: freshId(), agentId: "assistant" });
    return new Answering(client, store, created, keyPrefix);
  }

  get id(): string {
    return this.session.conversationId;
  }

  get answers(): Answers {
    return this.store.answers(this.session);
  }

  /** Begins an answer to "Hi". `close` closes it, so that it does not go on in the tests that follow. */
  async begin(operationId = "one", options: Partial<BeginAnswer> = {}): Promise<Answer> {
    const answer = await this.answers.begin({ operationId, input: "Hi", ...options });
    this.#begun.push(answer);
    return answer;
  }

  /** The conversation as another store sees it, with another session of the user. */
  async elsewhere(client: Client = this.#client): Promise<{ store: SessionStore; session: Session; answers: Answers }> {
    const { keyPrefix, id } = this;
    const store = new SessionStore({ client, keyPrefix, maxSessionsPerUser: 100 });
    this.#stores.push(store);
    const { userId, agentId } = this.session;
    // A conversation without a message cannot be named yet.
    const created = await store.create({ userId, agentId });
    const session = { ...created.session, conversationId: id };
    return { store, session, answers: store.answers(session) };
  }

  async stored(): Promise<string[]> {
    return lines(await this.store.history(this.session).getMessages());
  }

  /** Keys below the prefix, without it. */
  async left(): Promise<string[]> {
    return (await storedKeys(this.#client, `${this.keyPrefix}:*`)).toSorted();
  }

  /** Lets the lease lapse, as that of a process that stands still, until somebody who looks has settled the answer. */
  async settle(): Promise<void> {
    await vi.waitUntil(async () => {
      await this.#client.del(this.keys.turns(this.id).lease);
      return (await this.answers.current())?.state === "interrupted";
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#begun.map((answer) => answer.close()));
    for (const store of this.#stores) await store.close();
  }
}

/** Reads to the end. */
export async function all(events: AsyncIterable<AnswerEvent>): Promise<AnswerEvent[]> {
  const read: AnswerEvent[] = [];
  for await (const event of events) read.push(event);
  return read;
}

/** What events say, without ids and positions: `"Hel"`, `{ end: "stored" }`. */
export function said(events: readonly AnswerEvent[]): unknown[] {
  return events.map((one) => {
    if ("event" in one) return one.event;
    if ("end" in one) return { end: one.end };
    return "missed" in one ? { missed: true } : { truncated: true };
  });
}

/** Follows to the end, and returns what was said. */
export async function heard(answers: Answers, options: Parameters<Answers["follow"]>[0] = {}): Promise<unknown[]> {
  return said(await all(answers.follow(options)));
}

/** What was thrown; undefined when nothing was. */
export async function reason(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}
