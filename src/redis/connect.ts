import { Redis, type RedisOptions } from "ioredis";
import { InvalidOptionError } from "../errors.js";
import { faultOfUrl } from "./url.js";

/**
 * Returns an ioredis client for one Redis, with settings that suit a store whose calls end within 5 seconds. With its
 * own defaults, ioredis holds a command for over a minute while Redis is away, and keeps a connection that has gone
 * silent.
 *
 * - The client reconnects after 100 ms, 200 ms … 400 ms. A command fails at the ninth failed attempt in a row, which
 *   takes at most 3.6 s if connections are refused.
 * - The client gives up a connection attempt after 2 s, and drops a connection on which a command got no answer for 5
 *   s. If a server accepts connections but does not answer, a command of the client fails within a minute, and a call
 *   of this library fails by its deadline.
 *
 * For Sentinel and Cluster, create the client yourself: `new Redis({ sentinels, name })`, `new Cluster(nodes)`.
 *
 * @param url `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS. The user and the password are
 * percent-encoded.
 * @param options more ioredis options. They override the settings above.
 * @returns the client, which is connecting. It is yours: call `await client.quit()` when you are done.
 * @throws InvalidOptionError when `url` is not such an address.
 *
 * @example
 * ```ts
 * const client = connect(process.env.REDIS_URL ?? "redis://localhost:6379");
 * client.on("error", (error) => logger.warn({ code: error.code }, "Redis connection"));
 * ```
 */
export function connect(url: string, options: Omit<RedisOptions, "replyMapping"> = {}): Redis {
  const fault = faultOfUrl(url);
  if (fault !== undefined) throw new InvalidOptionError("url", `${fault}.`);
  return new Redis(url, {
    retryStrategy: (attempt) => Math.min(attempt * 100, 400),
    maxRetriesPerRequest: 8,
    connectTimeout: 2_000,
    socketTimeout: 5_000,
    ...options,
  });
}
