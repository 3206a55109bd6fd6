import { LangChainRedisError } from "../errors.js";

/**
 * Thrown when `startRedis()` finds no Redis to run, or when the server does not start. The message says what was tried
 * and what to do.
 *
 * @remedy Install `redis-server` or `valkey-server` 7.0 or later, start Docker, or set `REDIS_URL`.
 */
export class RedisUnavailableError extends LangChainRedisError {
  override readonly name = "RedisUnavailableError";
  override readonly code = "REDIS_UNAVAILABLE";
  /** The last lines of the server's log. Empty if no server ran. */
  readonly log: readonly string[];

  constructor(message: string, details: { log?: readonly string[]; cause?: unknown } = {}) {
    const log = details.log ?? [];
    super(
      log.length === 0
        ? message
        : `${message}\nThe server's last log lines:\n${log.map((line) => `  ${line}`).join("\n")}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.log = log;
  }
}
