import { deepEqual, equal, fail, ok } from "node:assert/strict";
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { type Session, LangChainRedisError, type SessionStore } from "langchain-redis-sessions";
import { type OwnerKeys, ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import type { Client } from "../../support/topologies.js";
import { freshId } from "../../support/turns.js";
import { age, lifetimes, storedKeys } from "./stored-keys.js";

export const LIMIT = 3;
export const MAX_MESSAGES = 6;
const GRACE_MILLISECONDS = 60_000;
const agents = ["support", "sales"];

// prettier-ignore
export const steps = [
  "create", "create", "continue", "append", "append", "append", "verify", "update", "rotate", "openNew", "open", "rename",
  "read", "read", "read", "read", "appendInFlight", "appendInFlight", "appendInFlight", "clear", "clear", "delete",
  "end", "endById", "endAll", "endOthers", "expireSession", "expireConversation", "eraseUser",
] as const;

/** One thing to do. `a` and `b` choose what to do it to; `again` repeats a write under its operation id. */
export interface Step {
  readonly what: (typeof steps)[number];
  readonly a: number;
  readonly b: number;
  readonly again: boolean;
}

interface KnownSession {
  session: Session;
  token: string;
  live: boolean;
  messageCount: number;
  toolCallCount: number;
}

interface KnownConversation {
  readonly agentId: string;
  count: number;
  lastStep: number;
  title: string | undefined;
}

interface InFlight {
  readonly of: KnownSession;
  readonly history: ReturnType<SessionStore["history"]>;
  readonly conversationId: string;
  readonly seen: number | undefined;
}

/** One user's sessions and conversations, as they should be; each step is taken here and in Redis, and compared. */
export class SessionModel {
  readonly #client: Client;
  readonly #store: SessionStore;
  readonly #user = { userId: freshId() };
  readonly #keys: OwnerKeys;
  readonly #pattern: string;
  readonly #sessions: KnownSession[] = [];
  readonly #conversations = new Map<string, KnownConversation>();
  readonly #generations = new Map<string, number>();
  readonly #everOpened = new Set<string>();
  readonly #counted = new Map<string, number>();
  /** "append: ok", "verify: SESSION_NOT_FOUND" …: what has been seen to happen. */
  readonly outcomes = new Set<string>();
  #inFlight: InFlight[] = [];
  #what: Step["what"] = "create";
  #step = 0;

  constructor(client: Client, store: SessionStore, keyPrefix: string) {
    const tag = ownerTag(this.#user.userId, undefined);
    this.#client = client;
    this.#store = store;
    this.#keys = ownerKeys(keyPrefix, tag);
    this.#pattern = `${keyPrefix}:user:{${tag}}:*`;
  }

  async take({ what, a, b, again }: Step): Promise<void> {
    this.#step += 1;
    this.#what = what;
    const repeat = again ? 2 : 1;
    if (what === "create" || what === "continue") await this.#create(what === "continue" ? b : undefined, a, repeat);
    else if (what === "eraseUser") await this.#eraseUser();
    else if (what === "endAll") await this.#endAll(undefined, repeat);
    else if (what === "delete" || what === "rename" || what === "expireConversation") {
      await this.#withConversation(what, a, repeat);
    } else if (what === "appendInFlight") await this.#appendInFlight(a, b, repeat);
    else if (this.#sessions.length > 0) await this.#withSession(what, this.#someSession(a), b, repeat);
  }

  /** Compares all that can be listed, and looks at what there is in Redis. */
  async compare(): Promise<void> {
    const live = this.#live();
    const listed = await this.#store.list(this.#user);
    deepEqual(
      listed.map((one) => [one.id, one.conversationId, one.messageCount, one.toolCallCount]),
      live.map((one) => [one.session.id, one.session.conversationId, one.messageCount, one.toolCallCount]),
    );
    for (const { id, messageCount } of listed) {
      ok(messageCount >= (this.#counted.get(id) ?? 0), "a count went down");
      this.#counted.set(id, messageCount);
    }

    const expected = [...this.#conversations].toSorted(([, a], [, b]) => b.lastStep - a.lastStep);
    const conversations = await this.#store.conversations.list(this.#user, { limit: 1_000 });
    deepEqual(
      conversations.map(({ id, agentId, title, messageCount }) => [id, agentId, title, messageCount]),
      expected.map(([id, { agentId, title, count }]) => [id, agentId, title, count]),
    );
    const paged: string[] = [];
    for (let before: (typeof conversations)[number] | undefined; ;) {
      const page = await this.#store.conversations.list(this.#user, { limit: 2, ...(before ? { before } : {}) });
      paged.push(...page.map(({ id }) => id));
      before = page.at(-1);
      if (before === undefined) break;
    }
    deepEqual(
      paged,
      expected.map(([id]) => id),
    );

    for (const id of this.#everOpened) {
      const known = this.#conversations.get(id);
      equal(await this.#client.llen(this.#keys.messages(id)), known?.count ?? 0);
      const messages = this.#store.conversations.messages(this.#user, id, { limit: 1_000 }).then(
        ({ length }) => length,
        (error: unknown) => codeOf(error),
      );
      equal(await messages, known?.count ?? "CONVERSATION_NOT_FOUND");
    }
  }

  async everyKeyExpires(): Promise<void> {
    const keys = await storedKeys(this.#client, this.#pattern);
    const left = await lifetimes(this.#client, keys);
    deepEqual(
      keys.filter((_, place) => left[place] === -1),
      [],
    );
  }

  /** As if all deadlines had passed, with or without the time in which a record still knows why it ended. */
  async expireAll(records: "in their grace" | "gone"): Promise<void> {
    for (const known of this.#live()) await this.#expireSession(known);
    for (const id of this.#everOpened) await this.#expireConversation(id);
    if (records === "gone") {
      for (const { session } of this.#sessions) await this.#client.pexpire(this.#keys.session(session.id), 0);
    }
  }

  /** After one walk of the indexes. */
  async nothingIsLeft(): Promise<void> {
    deepEqual(await this.#store.list(this.#user), []);
    deepEqual(await this.#store.conversations.list(this.#user), []);
    const keys = await storedKeys(this.#client, this.#pattern);
    const left = await lifetimes(this.#client, keys);
    const staying = keys.filter((key, place) => {
      // A mark that sign-ins from before are not good any more: without content, for `maxTokenLifetime`.
      if (key.endsWith(":not-before")) return !((left[place] ?? 0) > 0 && (left[place] ?? 0) <= 86_400_000);
      const limit = key.includes(":operation:") ? 120_000 : key.includes(":session:") ? GRACE_MILLISECONDS : 0;
      return !((left[place] ?? 0) > 0 && (left[place] ?? 0) <= limit);
    });
    deepEqual(staying, []);
    for (const { token } of this.#sessions) {
      equal(await this.#store.verify(token).then(() => "ok", codeOf), "SESSION_NOT_FOUND");
    }
  }

  async #create(continues: number | undefined, a: number, repeat: number): Promise<void> {
    const agentId = agents[a % agents.length] ?? "";
    const conversationId = continues === undefined ? undefined : this.#someConversation(continues);
    const init = { ...this.#user, agentId, ...(conversationId === undefined ? {} : { conversationId }) };
    const operationId = freshId();
    const unknown = conversationId !== undefined && this.#conversations.get(conversationId)?.agentId !== agentId;
    const surplus = this.#live().slice(0, Math.max(0, this.#live().length - LIMIT + 1));
    let made: KnownSession | undefined;
    for (let time = 0; time < repeat; time++) {
      if (unknown) {
        equal(await this.#outcome(this.#store.create(init, { operationId })), "CONVERSATION_NOT_FOUND");
        continue;
      }
      const { token, session, ended } = await this.#store.create(init, { operationId });
      deepEqual(
        ended,
        surplus.map((known) => known.session.id),
      );
      if (made) {
        equal(session.id, made.session.id);
        made.token = token;
        continue;
      }
      for (const known of surplus) known.live = false;
      made = { session, token, live: true, messageCount: 0, toolCallCount: 0 };
      this.#sessions.push(made);
      this.#everOpened.add(session.conversationId);
    }
  }

  async #withSession(what: Step["what"], known: KnownSession, b: number, repeat: number): Promise<void> {
    const { session, token, live } = known;
    const operationId = freshId();
    const expected = live ? "ok" : "SESSION_NOT_FOUND";
    for (let time = 0; time < repeat; time++) {
      if (what === "read") {
        const history = this.#store.history(session);
        equal(await this.#outcome(history.getMessages()), expected);
        const { conversationId } = session;
        const seen = this.#generations.get(conversationId);
        if (live) this.#inFlight.push({ of: known, history, conversationId, seen });
      } else if (what === "append") {
        const { messages, toolCalls } = batch(b);
        const append = this.#store.history(session).addMessages(messages, { operationId });
        equal(await this.#outcome(append), expected);
        if (live && time === 0) this.#appended(known, session.conversationId, messages.length, toolCalls);
      } else if (what === "verify") {
        equal(await this.#outcome(this.#store.verify(token)), expected);
      } else if (what === "update") {
        const update = this.#store.update(session, { metadata: { [`name${b % 4}`]: b % 3 || null } }, { operationId });
        equal(await this.#outcome(update), expected);
      } else if (what === "openNew" || what === "open") {
        await this.#open(known, what === "open" ? this.#someConversation(b) : undefined, operationId);
      } else if (what === "rotate") {
        const rotated = this.#store.rotate(token, { operationId });
        equal(await this.#outcome(rotated), expected);
        if (live) known.token = (await rotated).token;
        if (live) equal(await this.#outcome(this.#store.verify(token)), "SESSION_NOT_FOUND");
      } else if (what === "clear") {
        equal(await this.#outcome(this.#store.history(session).clear({ operationId })), expected);
        if (live && time === 0) this.#removed(session.conversationId);
      } else if (what === "end") {
        equal(await this.#store.end(token, { operationId }), live);
        known.live = false;
      } else if (what === "endById") {
        equal(await this.#store.endById(this.#user, session.id, { operationId }), live);
        known.live = false;
      } else if (what === "endOthers") {
        await this.#endAll(known, 1);
      } else if (what === "expireSession" && known.live) {
        await this.#expireSession(known);
      }
    }
  }

  async #open(known: KnownSession, target: string | undefined, operationId: string): Promise<void> {
    const { session, live } = known;
    const there = target === undefined || this.#conversations.get(target)?.agentId === session.agentId;
    const opened = this.#store.openConversation(session, target, { operationId });
    const expected = !live ? "SESSION_NOT_FOUND" : there ? "ok" : "CONVERSATION_NOT_FOUND";
    equal(await this.#outcome(opened), expected);
    if (expected !== "ok") return;
    known.session = await opened;
    equal(known.session.conversationId, target ?? known.session.conversationId);
    this.#everOpened.add(known.session.conversationId);
  }

  async #appendInFlight(a: number, b: number, repeat: number): Promise<void> {
    const turn = this.#inFlight[a % this.#inFlight.length];
    if (!turn) return;
    const { of, history, conversationId, seen } = turn;
    const generation = this.#generations.get(conversationId);
    const changed = generation !== undefined && generation !== seen;
    const expected = !of.live ? "SESSION_NOT_FOUND" : changed ? "CONVERSATION_CHANGED" : "ok";
    const { messages, toolCalls } = batch(b);
    const operationId = freshId();
    for (let time = 0; time < repeat; time++) {
      equal(await this.#outcome(history.addMessages(messages, { operationId })), expected);
    }
    if (expected === "ok") this.#appended(of, conversationId, messages.length, toolCalls);
    this.#inFlight = this.#inFlight.filter((one) => one !== turn);
  }

  async #withConversation(what: "delete" | "rename" | "expireConversation", a: number, repeat: number): Promise<void> {
    const id = this.#someConversation(a);
    if (id === undefined) return;
    const known = this.#conversations.get(id);
    const operationId = freshId();
    if (what === "expireConversation") {
      await this.#expireConversation(id);
      return;
    }
    const call = (): Promise<void> =>
      what === "delete"
        ? this.#store.conversations.delete(this.#user, id, { operationId })
        : this.#store.conversations.rename(this.#user, id, `title ${a}`, { operationId });
    for (let time = 0; time < repeat; time++) {
      equal(await this.#outcome(call()), known ? "ok" : "CONVERSATION_NOT_FOUND");
    }
    if (known && what === "delete") this.#removed(id);
    if (known && what === "rename") known.title = `title ${a}`;
  }

  async #endAll(except: KnownSession | undefined, repeat: number): Promise<void> {
    const ending = this.#live().filter((known) => known !== except);
    const operationId = freshId();
    for (let time = 0; time < repeat; time++) {
      equal(await this.#store.endAll(this.#user, { except: except?.session, operationId }), ending.length);
    }
    for (const known of ending) known.live = false;
  }

  async #eraseUser(): Promise<void> {
    const erased = await this.#store.eraseUser(this.#user);
    ok(erased.conversations >= this.#conversations.size);
    ok(erased.sessions >= this.#live().length);
    for (const known of this.#sessions) known.live = false;
    for (const id of this.#conversations.keys()) this.#generations.delete(id);
    this.#conversations.clear();
  }

  async #expireSession(known: KnownSession): Promise<void> {
    const record = this.#keys.session(known.session.id);
    // To a second after its deadline, so that the record is in its grace.
    const left = (await this.#client.pttl(record)) - GRACE_MILLISECONDS;
    await age(this.#client, record, left + 1_000);
    known.live = false;
  }

  async #expireConversation(id: string): Promise<void> {
    await this.#client.pexpire(this.#keys.conversation(id), 0);
    await this.#client.pexpire(this.#keys.messages(id), 0);
    this.#conversations.delete(id);
    this.#generations.delete(id);
  }

  #appended(known: KnownSession, id: string, messages: number, toolCalls: number): void {
    const { agentId } = known.session;
    const conversation = this.#conversations.get(id) ?? { agentId, count: 0, lastStep: 0, title: undefined };
    conversation.count = Math.min(MAX_MESSAGES, conversation.count + messages);
    conversation.lastStep = this.#step;
    this.#conversations.set(id, conversation);
    known.messageCount += messages;
    known.toolCallCount += toolCalls;
  }

  #removed(id: string): void {
    this.#conversations.delete(id);
    this.#generations.set(id, this.#step);
  }

  #live(): KnownSession[] {
    return this.#sessions.filter(({ live }) => live);
  }

  /** More often one that has messages. */
  #someConversation(a: number): string | undefined {
    const known = [...this.#conversations.keys()];
    const from = known.length > 0 && a % 4 > 0 ? known : [...this.#everOpened];
    return from[a % from.length];
  }

  /** More often a live one. */
  #someSession(a: number): KnownSession {
    const live = this.#live();
    const from = live.length > 0 && a % 4 > 0 ? live : this.#sessions;
    return from[a % from.length] ?? fail("There is no session yet.");
  }

  async #outcome(call: Promise<unknown>): Promise<string> {
    const outcome = await call.then(() => "ok", codeOf);
    this.outcomes.add(`${this.#what}: ${outcome}`);
    return outcome;
  }
}

function batch(size: number): { messages: BaseMessage[]; toolCalls: number } {
  const toolCalls = size % 3;
  const calls = Array.from({ length: toolCalls }, (_, place) => ({ id: String(place), name: "look", args: {} }));
  const said = Array.from({ length: 1 + (size % 4) }, (_, place) => new HumanMessage(`${size}.${place}`));
  return { messages: [...said, new AIMessage({ content: "", tool_calls: calls })], toolCalls };
}

function codeOf(error: unknown): string {
  if (error instanceof LangChainRedisError) return error.code;
  throw error;
}
