import { InvalidOptionError } from "../errors.js";
import { type AdaptedClient, adapted } from "../redis/client.js";
import { NodeRedisPort } from "../redis/node-redis.js";
import { isNodeRedisClient, type NodeRedisClient } from "../redis/node-redis-client.js";

export type { NodeRedisClient } from "../redis/node-redis-client.js";

/** One for each client, because what is known of a Redis is kept by it. */
const known = new WeakMap<NodeRedisClient, AdaptedClient>();

/**
 * Returns a node-redis client in the form that every `client` option takes.
 *
 * @param client of the package `redis`, 5.8 or later: `createClient()`, `createClientPool()`, `createSentinel()` or
 * `createCluster()`. It stays yours: connect it, listen to its errors, close it.
 * @throws InvalidOptionError for any other client, and for one with a `keyPrefix`, which node-redis leaves out of scripts.
 *
 * @example
 * ```ts
 * import { createClient } from "redis";
 *
 * const redis = createClient({ url: "redis://localhost:6379" });
 * redis.on("error", (error) => console.error(error.message));
 * await redis.connect();
 * const sessions = new SessionStore({ client: fromNodeRedis(redis) });
 * ```
 */
export function fromNodeRedis(client: NodeRedisClient): AdaptedClient {
  if (!isNodeRedisClient(client)) {
    throw new InvalidOptionError("client", "pass a client of node-redis 5.8 or later, such as createClient().");
  }
  // Of node-redis 6.
  if ("_keyPrefix" in client && client._keyPrefix !== undefined) {
    throw new InvalidOptionError(
      "client",
      "node-redis adds its keyPrefix to no key of a script: pass a client without one, and keyPrefix beside it.",
    );
  }
  const before = known.get(client);
  if (before !== undefined) return before;
  const made = adapted(new NodeRedisPort(client));
  known.set(client, made);
  return made;
}
