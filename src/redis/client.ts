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

/** The only place that knows which adapters there are. */
export function portOf(client: RedisClient): RedisPort {
  return new IoredisPort(client);
}
