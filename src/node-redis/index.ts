import { InvalidOptionError } from "../errors.js";
import { type AdaptedClient, adapted } from "../redis/client.js";
import { NodeRedisPort } from "../redis/node-redis.js";
import { isNodeRedisClient, type NodeRedisClient } from "../redis/node-redis-client.js";

export type { NodeRedisClient } from "../redis/node-redis-client.js";

/** One adapted client for each client, because what is known about a Redis is kept by adapted client. */
const known = new WeakMap<NodeRedisClient, AdaptedClient>();

/**
 * Returns a node-redis client in the form that every `client` option accepts.
 *
 * @param client a client of the package `redis`, 5.8 or later: from `createClient()`, `createClientPool()`,
 * `createSentinel()` or `createCluster()`. It stays yours: connect it, listen to its errors, and close it. Before 6.2, pass
 * `nodeClientOptions: { socket: { reconnectStrategy: false } }` to `createSentinel()`, because otherwise the client may wait
 * for a primary that has died.
 * @throws InvalidOptionError for any other client, and for a client with a `keyPrefix`, because node-redis does not add
 * it to the keys of scripts.
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
  // Only clients of node-redis 6 have this field.
  if ("_keyPrefix" in client && client._keyPrefix !== undefined) {
    throw new InvalidOptionError(
      "client",
      "node-redis does not add its keyPrefix to the keys of scripts: create the client without it, and pass keyPrefix beside client.",
    );
  }
  const before = known.get(client);
  if (before !== undefined) return before;
  const made = adapted(new NodeRedisPort(client));
  known.set(client, made);
  return made;
}
