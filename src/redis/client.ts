import { type IoredisClient, IoredisPort, isIoredisClient } from "./ioredis.js";
import type { RedisPort } from "./port.js";

/**
 * The Redis client that the caller passes in: an ioredis 5 or 6 `Redis` or `Cluster`. It stays the caller's: it is never
 * connected, closed or changed here.
 */
export type RedisClient = IoredisClient;

/** Returns whether there is an adapter for a client. */
export function isRedisClient(value: unknown): value is RedisClient {
  return isIoredisClient(value);
}

/** One for each client: by the port, what is known of a Redis is kept. */
const ports = new WeakMap<RedisClient, RedisPort>();

/** The only place that knows which adapters there are. */
export function portOf(client: RedisClient): RedisPort {
  const known = ports.get(client);
  if (known !== undefined) return known;
  const port = new IoredisPort(client);
  ports.set(client, port);
  return port;
}
