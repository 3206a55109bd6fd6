// What it takes to do a write at any time, under any fault, and to tell what came of it.
import {
  AgentMemory,
  RedisChatMessageHistory,
  type RedisClient,
  SessionStore,
  type WriteOptions,
} from "langchain-redis-sessions";
import { RedisSaver, RedisStore, SessionSaver } from "langchain-redis-sessions/langgraph";

/** Sessions a user. */
export const LIMIT = 2;

/** The library on one client. */
export interface Library {
  readonly client: RedisClient;
  readonly sessions: SessionStore;
  readonly history: (id: string) => RedisChatMessageHistory;
  readonly memory: (id: string) => AgentMemory;
  readonly saver: RedisSaver;
  readonly sessionSaver: SessionSaver;
  readonly store: RedisStore;
  /** The same on another client. */
  readonly through: (client: RedisClient) => Library;
}

export function libraryOn(client: RedisClient, deadline = 5): Library {
  const sessions = new SessionStore({ client, maxSessionsPerUser: LIMIT, deadline });
  return {
    client,
    sessions,
    history: (sessionId) => new RedisChatMessageHistory({ client, sessionId, deadline }),
    memory: (namespace) => new AgentMemory({ client, namespace, deadline }),
    saver: new RedisSaver({ client, deadline }),
    sessionSaver: new SessionSaver({ sessions, forks: "allow" }),
    store: new RedisStore({ client, deadline, ttl: "1h" }),
    through: (other) => libraryOn(other, deadline),
  };
}

/** A write that can be done any number of times, each time to something of its own. */
export interface WriteOperation {
  readonly name: string;
  /**
   * "update": reads before it writes, and repeats its write by itself. "reading": reads before it writes. "erasure": has
   * no operation id, and takes two scripts. "named": has no operation id either; `act` takes it for the name of what it
   * writes. Absent: one script under an operation id, as most.
   */
  readonly kind?: "update" | "reading" | "erasure" | "named";
  readonly prepare: (direct: Library) => Promise<PreparedWrite>;
}

export interface PreparedWrite {
  /** A key that exists, or does not, once the write ran. */
  readonly trace: (operationId: string) => { readonly key: string; readonly exists: 0 | 1 };
  /** `beforeWrite` is awaited by what reads first, between its reading and its writing. */
  readonly act: (library: Library, options: WriteOptions, beforeWrite?: () => Promise<void>) => Promise<unknown>;
  /** What somebody else does before the write is repeated. */
  readonly between: () => Promise<unknown>;
  /** Whether the result shows that a reply was lost and the client sent the same again; absent: only the server knows. */
  readonly resent?: (result: unknown) => boolean;
  /** Whether it took effect exactly once, the first time; `after` says whether `between` ran. */
  readonly once: (result: unknown, after: "alone" | "between") => Promise<boolean>;
}

export function readsFirst({ kind }: WriteOperation): boolean {
  return kind === "update" || kind === "reading";
}
