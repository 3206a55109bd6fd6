// Everything that can hold a conversation's turns: what a load writes to while servers come and go.
import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  RedisChatMessageHistory,
  type RedisChatMessageHistoryOptions,
  type Session,
  SessionStore,
} from "langchain-redis-sessions";
import { RedisSaver, RedisStore, SessionSaver, sessionConfig } from "langchain-redis-sessions/langgraph";
import { ownerTag, partitionName } from "../../../src/redis/keys.js";
import { listed, put } from "../../langgraph/support/checkpoints.js";
import type { Saver } from "../../langgraph/support/place.js";
import { turn } from "../../support/turns.js";

type Options = Pick<RedisChatMessageHistoryOptions, "client" | "deadline" | "wait">;

/** Turns of `text` and `re: text`, by conversation. */
export interface TurnLog {
  /** Adds a turn. Repeated with the same operation id, it adds nothing more. */
  readonly append: (conversation: string, text: string, operationId: string) => Promise<unknown>;
  readonly read: (conversation: string) => Promise<readonly BaseMessage[]>;
}

/** A kind of storage that holds turns. */
export interface TurnPlace {
  readonly name: string;
  /**
   * True for items, which are ordered by their last update, and whose writes have no operation id: a command that its
   * caller gave up and repeated may run after later ones, and is then the last update.
   */
  readonly isReordered?: boolean;
  /** The hash tag of the keys of a conversation. */
  readonly tag: (conversation: string) => string;
  readonly open: (options: Options) => TurnLog;
}

/** Plain histories. */
export const histories: TurnPlace = {
  name: "history",
  tag: (conversation) => conversation,
  open: (options) => {
    const history = (sessionId: string): RedisChatMessageHistory =>
      new RedisChatMessageHistory({ ...options, sessionId });
    return {
      append: (conversation, text, operationId) => history(conversation).addMessages(turn(text), { operationId }),
      read: (conversation) => history(conversation).getMessages(),
    };
  },
};

/** The thread of a conversation, and the saver that holds it. */
type ThreadOf = (conversation: string) => Promise<{ readonly saver: Saver; readonly config: RunnableConfig }>;

/** Too long to be stored without a node of its own. Every checkpoint carries it over from the one before. */
const BEGINNING = "as it began ".repeat(20);

/** Every other turn is a checkpoint; those between are the writes of a task. */
function threadLog(threadOf: ThreadOf): TurnLog {
  const numbers = new Numbers();
  const acknowledged = new Map<string, RunnableConfig>();
  return {
    append: async (conversation, text, operationId) => {
      const { saver, config } = await threadOf(conversation);
      const number = numbers.of(conversation, operationId);
      const last = acknowledged.get(conversation);
      if (last !== undefined && number % 2 === 1) {
        const task = String(number).padStart(9, "0");
        await saver.putWrites(
          last,
          turn(text).map((message) => ["said", message]),
          task,
        );
        return;
      }
      const latest = await saver.getTuple(config);
      const stored = await put(saver, {
        on: latest?.config ?? config,
        values: latest ? { said: turn(text) } : { said: turn(text), beginning: BEGINNING },
        carried: latest ? { beginning: BEGINNING } : {},
        versions: { said: number + 2 },
        id: operationId,
      });
      acknowledged.set(conversation, { ...config, ...stored });
    },
    read: async (conversation) => {
      const { saver, config } = await threadOf(conversation);
      return (await listed(saver, config)).toReversed().flatMap(({ checkpoint, pendingWrites }) => {
        const { said, beginning } = checkpoint.channel_values;
        if (beginning !== BEGINNING) throw new Error("A checkpoint lacks what it carries over.");
        return (said as BaseMessage[]).concat((pendingWrites ?? []).map(([, , message]) => message as BaseMessage));
      });
    },
  };
}

/** Checkpoints of threads that belong to nobody. */
const threads: TurnPlace = {
  name: "RedisSaver",
  tag: (conversation) => conversation,
  open: (options) => {
    const saver = new RedisSaver({ ...options, maxCheckpoints: "all" });
    return threadLog(async (conversation) => ({ saver, config: { configurable: { thread_id: conversation } } }));
  },
};

/** Checkpoints of conversations of sessions: for each conversation there is a user with one session. */
function sessionThreads(): TurnPlace {
  const opened = new Map<string, Session>();
  return {
    name: "SessionSaver",
    tag: (conversation) => ownerTag(conversation, undefined),
    open: (options) => {
      const sessions = new SessionStore(options);
      const saver = new SessionSaver({ sessions, maxCheckpoints: "all" });
      const log = threadLog(async (conversation) => {
        const session =
          opened.get(conversation) ??
          (await sessions.create({ userId: conversation, agentId: "support" }, { operationId: conversation })).session;
        opened.set(conversation, session);
        return { saver, config: sessionConfig(session) };
      });
      // Where no session was opened there is nothing to read.
      return { ...log, read: async (conversation) => (opened.has(conversation) ? log.read(conversation) : []) };
    },
  };
}

/** Items of LangGraph's store: two of them are a turn. */
const items: TurnPlace = {
  name: "RedisStore",
  isReordered: true,
  tag: (conversation) => partitionName([conversation, "turns"]),
  open: (options) => {
    const store = new RedisStore({ ...options, maxScan: 10_000_000 });
    const numbers = new Numbers();
    return {
      append: (conversation, text, operationId) => {
        const number = numbers.of(conversation, operationId);
        const namespace = [conversation, "turns"];
        return store.batch(
          turn(text).map((message, index) => ({ namespace, key: `${number}:${index}`, value: { text: message.text } })),
        );
      },
      read: async (conversation) => {
        const found = await store.search([conversation, "turns"], { limit: 10_000_000 });
        return found.toReversed().map(({ value }) => new HumanMessage(String(value["text"])));
      },
    };
  },
};

/** Every place but histories, each for one load. */
export const graphPlaces = (): readonly TurnPlace[] => [threads, sessionThreads(), items];

/** Numbers the operations of each conversation. One that is repeated keeps its number. */
class Numbers {
  readonly #latest = new Map<string, { readonly operationId: string; readonly number: number }>();

  of(conversation: string, operationId: string): number {
    const latest = this.#latest.get(conversation);
    if (latest?.operationId === operationId) return latest.number;
    const number = latest === undefined ? 0 : latest.number + 1;
    this.#latest.set(conversation, { operationId, number });
    return number;
  }
}
