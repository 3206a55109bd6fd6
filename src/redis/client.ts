/**
 * The Redis client that the caller passes in: an ioredis 5 or 6 `Redis` or `Cluster`, typed by the few methods that
 * are used. It stays the caller's: it is never connected, closed or changed here.
 */
export interface RedisClient {
  readonly status: string;
  /** `true` for a `Cluster`. */
  readonly isCluster?: boolean;
  evalsha(sha1: string, numberOfKeys: number, keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, numberOfKeys: number, keysAndArguments: string[]): Promise<unknown>;
  call(command: string, ...args: string[]): Promise<unknown>;
  pipeline(commands: unknown[][]): RedisPipeline;
  /** Used by `SessionStore.signal()` only: a connection of its own, which `SessionStore.close()` closes. */
  duplicate(): RedisSubscriber;
  /** A `Cluster` has it: its nodes. */
  nodes?(role: "master"): RedisNode[];
}

/** A node of a `Cluster`: a client of its own. */
interface RedisNode extends Omit<RedisClient, "isCluster" | "nodes" | "duplicate"> {
  duplicate(options?: SubscriberOptions): RedisSubscriber;
}

/** Commands sent together, answered together, in order. */
export interface RedisPipeline {
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/** What a connection to one node of a `Cluster` needs: by itself it would not reconnect. */
interface SubscriberOptions {
  readonly retryStrategy: (attempt: number) => number;
}

/** A connection that listens to a channel. */
export interface RedisSubscriber {
  subscribe(channel: string): Promise<unknown>;
  on(event: string, listener: (...values: unknown[]) => void): unknown;
  disconnect(): void;
}
