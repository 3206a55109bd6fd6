import { Redis } from "ioredis";
import type { RedisClient } from "langchain-redis-sessions";
import { fromNodeRedis } from "langchain-redis-sessions/node-redis";
import { type NodeRedis, nodeRedisVersions } from "../../support/node-redis.js";
import { whole } from "./run.js";

/** A client library by which the library reaches one server, which may be away for a while. */
export interface LibraryClients {
  readonly by: string;
  /** @param retryMilliseconds the time between two attempts to connect. */
  readonly connect: (
    address: { readonly host: string; readonly port: number },
    retryMilliseconds: number,
  ) => { readonly client: RedisClient; readonly close: () => void };
}

const byIoredis: LibraryClients = {
  by: "ioredis 6",
  connect: ({ host, port }, retryMilliseconds) => {
    const client = new Redis({ host, port, maxRetriesPerRequest: null, retryStrategy: () => retryMilliseconds });
    client.on("error", () => {});
    return { client, close: () => client.disconnect() };
  },
};

const byNodeRedis = ({ version, createClient }: NodeRedis): LibraryClients => ({
  by: version,
  connect: ({ host, port }, reconnectStrategy) => {
    const client = createClient({ socket: { host, port, reconnectStrategy } });
    client.on("error", () => {});
    void client.connect();
    return { client: fromNodeRedis(client), close: () => client.destroy() };
  },
});

/** In `npm run test:programs` one version of node-redis, the newer one. */
export const libraryClients: readonly LibraryClients[] = [
  byIoredis,
  ...(whole ? nodeRedisVersions : nodeRedisVersions.slice(-1)).map(byNodeRedis),
];
