import { setTimeout as pause } from "node:timers/promises";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import {
  type AnswerEnd,
  isLangChainRedisError,
  type RedisClient,
  type Session,
  SessionStore,
  type SessionStoreOptions,
} from "langchain-redis-sessions";
import { ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import { untilTrue } from "../../support/cluster-with-replicas.js";
import { freshId } from "../../support/turns.js";
import type { Row } from "./run.js";
import { TurnHistory, type Verdict, violations } from "./turn-history.js";

/** Short, so that a conversation whose producer is gone is free soon. */
const LEASE = 2;
const PAUSE_MILLISECONDS = 20;

/** What became of the answers, beside what became of their turns. */
export interface AnswersVerdict extends Verdict {
  /** Questions that `begin` had acknowledged, and that are not there. */
  readonly "questions lost": number;
  /** Conversations whose answer says that it is stored while its turn is not there, or the other way round. */
  readonly apart: number;
  /** Followers that were told "stored" of a turn that is not there in the end. */
  readonly misled: number;
  /** Followers that heard an end, or that there is no answer. */
  readonly followers: number;
  /** Sessions that were gone. */
  readonly "sessions lost": number;
}

type Followed = AnswerEnd | "none" | "refused";

/** A user who asks, in one conversation, and whose answers are followed through another store. */
interface User {
  readonly userId: string;
  readonly asking: SessionStore;
  readonly following: SessionStore;
  session: Session;
}

export interface AnswerLoadOptions {
  readonly users: number;
  readonly wait?: SessionStoreOptions["wait"];
  /** Returns true for a user id to take. */
  readonly accepts?: (userId: string) => Promise<boolean>;
  /** How often an answer that was not acknowledged is begun again. */
  readonly repetitions?: number;
  /** Characters of a question, and of its answer. */
  readonly length?: number;
}

/** Answers that are begun, streamed, followed and stored, one after another in each conversation, while something goes wrong. */
export class AnswerLoad {
  readonly history = new TurnHistory();
  readonly #options: AnswerLoadOptions;
  readonly #users: User[] = [];
  readonly #asked = new Set<string>();
  readonly #following: Promise<{ readonly text: string; readonly end: Followed }>[] = [];
  readonly #stopped = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #sessionsLost = 0;

  private constructor(options: AnswerLoadOptions) {
    this.#options = options;
  }

  /** @param connect called for each store: a connection that waits for replicas holds up what follows it. */
  static async of(connect: () => RedisClient, options: AnswerLoadOptions): Promise<AnswerLoad> {
    const load = new AnswerLoad(options);
    const { users, wait, accepts = async () => true } = options;
    while (load.#users.length < users) {
      const userId = freshId();
      if (!(await accepts(userId))) continue;
      const [asking, following] = [wait, undefined].map(
        (awaited) => new SessionStore({ client: connect(), deadline: 2, maxSessionsPerUser: 1_000, wait: awaited }),
      );
      if (!asking || !following) throw new Error("There are two.");
      const { session } = await asking.create({ userId, agentId: "assistant" });
      load.#users.push({ userId, asking, following, session });
    }
    return load;
  }

  /** Lets every user ask again and again, until `stop()`. */
  start(): void {
    this.#running = Promise.all(
      this.#users.map(async (user) => {
        for (let number = 0; !this.#stopped.signal.aborted; number++) {
          await this.#answer(user, number);
          await new Promise(setImmediate);
        }
      }),
    );
    // Whoever stops it hears of an error.
    this.#running.catch(() => {});
  }

  /** Lets the users ask in turn, until it is enough. `between` is told how often they have asked. */
  async askUntil(
    isEnough: (history: TurnHistory) => boolean,
    between: (number: number) => Promise<void>,
  ): Promise<void> {
    for (let number = 0; !isEnough(this.history); number++) {
      const user = this.#users[number % this.#users.length];
      if (user) await this.#answer(user, number);
      await between(number);
    }
  }

  /** Waits until more was acknowledged. */
  async goesOn(more = 5): Promise<void> {
    const enough = this.history.count("acknowledged") + more;
    await untilTrue(async () => this.history.count("acknowledged") >= enough, "answers go on");
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** Begins, streams and stores one answer, again while its outcome is unknown. */
  async #answer(user: User, number: number): Promise<void> {
    const { repetitions = 100_000, length = 0 } = this.#options;
    const text = `${user.userId}/${number} ${"x".repeat(length)}`;
    const settle = this.history.issue(user.userId, text);
    const operationId = freshId();
    for (let attempt = 0; attempt <= repetitions; attempt++) {
      try {
        if (await this.#attempt(user, operationId, text)) return settle("acknowledged");
      } catch (error) {
        if (!isLangChainRedisError(error)) throw error;
        // An earlier attempt was stored.
        if (error.code === "OPERATION_CONFLICT") return settle("acknowledged");
        if (error.code === "STORAGE_FULL" && attempt === 0 && repetitions === 0) return settle("refused");
        if (error.code === "SESSION_NOT_FOUND") await this.#newSession(user);
      }
      await pause(PAUSE_MILLISECONDS);
    }
  }

  /** Returns true if the turn was stored. */
  async #attempt({ asking, following, session }: User, operationId: string, text: string): Promise<boolean> {
    const answer = await asking.answers(session).begin({ operationId, input: text, lease: LEASE });
    this.#asked.add(text);
    this.#following.push(this.#follow(following, session, operationId).then((end) => ({ text, end })));
    try {
      for (const event of ["one", "two", "three"]) answer.send(event);
      await answer.store([new AIMessage(`re: ${text}`)]);
      return true;
    } catch (error) {
      if (!isLangChainRedisError(error) || error.code !== "TURN_NOT_STORED") throw error;
      return false;
    } finally {
      await answer.close();
    }
  }

  /** Follows to the end, like a page that loads again when Redis is away. */
  async #follow(store: SessionStore, session: Session, operationId: string): Promise<Followed> {
    for (;;) {
      try {
        for await (const event of store.answers(session).follow({ operationId })) if ("end" in event) return event.end;
        return "none";
      } catch (error) {
        if (!isLangChainRedisError(error)) throw error;
        if (error.code !== "STORE_UNAVAILABLE") return "refused";
      }
      await pause(PAUSE_MILLISECONDS);
    }
  }

  async #newSession(user: User): Promise<void> {
    const { userId, asking, session } = user;
    const { conversationId } = session;
    const created = await asking.create({ userId, agentId: "assistant" }).catch(() => undefined);
    if (created === undefined) return;
    this.#sessionsLost += 1;
    user.session = { ...created.session, conversationId };
  }

  /** Reads everything. Call it after `stop()`, with a client whose server is there. */
  async check(client: RawClient & RedisClient): Promise<AnswersVerdict> {
    const followed = await Promise.all(this.#following);
    const store = new SessionStore({ client, deadline: "20s" });
    const stored = new Map<string, readonly BaseMessage[]>();
    let apart = 0;
    for (const { userId, session } of this.#users) {
      // What has no producer any more is settled, as by anybody who looks.
      await store
        .answers(session)
        .current()
        .catch(() => undefined);
      const messages = await this.#stored(store, userId, session.conversationId);
      stored.set(userId, messages);
      const { answer } = ownerKeys("chat", ownerTag(userId, undefined)).answer(session.conversationId);
      const end = String(await client.call("HGET", answer, "end"));
      const last = messages.at(-1);
      if (end !== "null" && (end === "stored") !== (last?.type === "ai")) apart += 1;
    }
    await store.close();
    const there = new Set([...stored.values()].flat().map(({ text }) => text));
    // A question without its answer is what an answer that broke off leaves; it is not a torn turn.
    const whole = (messages: readonly BaseMessage[]): readonly BaseMessage[] =>
      messages.filter(({ type }, index) => type !== "human" || messages[index + 1]?.type === "ai");
    const verdict = await this.history.check(async (userId) => whole(stored.get(userId) ?? []));
    const questions = [...stored.values()].flat().filter(({ type }) => type === "human");
    return {
      ...verdict,
      // The question of a repeated request is there once, whether it is answered or not.
      doubled: verdict.doubled + questions.length - new Set(questions.map(({ text }) => text)).size,
      "questions lost": [...this.#asked].filter((text) => !there.has(text)).length,
      apart,
      misled: followed.filter(({ text, end }) => end === "stored" && !there.has(`re: ${text}`)).length,
      followers: followed.length,
      "sessions lost": this.#sessionsLost,
    };
  }

  /** Reads a conversation with a session of its own: that of the load may be gone. */
  async #stored(store: SessionStore, userId: string, conversationId: string): Promise<readonly BaseMessage[]> {
    const { session } = await store.create({ userId, agentId: "assistant" });
    return store.history({ ...session, conversationId }).getMessages();
  }

  /** Closes the stores. */
  async close(): Promise<void> {
    for (const { asking, following } of this.#users) {
      await asking.close();
      await following.close();
    }
  }
}

interface RawClient {
  readonly call: (command: string, ...args: string[]) => Promise<unknown>;
}

/** Of a verdict, the promises that were broken. */
export function brokenOf(verdict: AnswersVerdict): Row {
  const { apart, misled, "questions lost": questionsLost, "sessions lost": sessionsLost } = verdict;
  const counts = { apart, misled, "questions lost": questionsLost, "sessions lost": sessionsLost };
  return {
    ...violations(verdict),
    ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
  };
}
