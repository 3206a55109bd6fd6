import { LangChainRedisError } from "../errors.js";

/**
 * `startRedis()` found no Redis to run, or the one it found did not come up. The message says what was tried and how to
 * go on.
 */
export class RedisUnavailableError extends LangChainRedisError {
  override readonly name = "RedisUnavailableError";
  override readonly code = "REDIS_UNAVAILABLE";
  /** The last lines that the server logged before it gave up; empty when no server ran. */
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
