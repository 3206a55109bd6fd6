/**
 * The Redis client that the caller passes in: an ioredis 5 or 6 `Redis` or `Cluster`, typed by the few methods that
 * are used. It stays the caller's: it is never connected, closed or changed here.
 */
export interface RedisClient {
  readonly status: string;
  evalsha(sha1: string, numberOfKeys: number, keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, numberOfKeys: number, keysAndArguments: string[]): Promise<unknown>;
  pipeline(commands: unknown[][]): RedisPipeline;
}

/** Commands sent together, answered together, in order. */
export interface RedisPipeline {
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}
