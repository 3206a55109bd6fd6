import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { inject } from "vitest";
import { fromNodeRedis } from "langchain-redis-sessions/node-redis";
import { amount } from "./amount.js";
import { type NodeRedis, nodeRedisVersions, rootNodes } from "./node-redis.js";
import type { Address } from "./start-servers.js";

export type Client = Redis | Cluster;

/** A way to reach Redis on which the whole contract must hold. */
export interface Topology {
  readonly name: string;
  readonly connect: (options?: Pick<RedisOptions, "keyPrefix" | "enableAutoPipelining">) => Client;
}

const { single, cluster, guarded } = inject("servers");

interface Servers {
  readonly single: Address;
  readonly cluster: readonly Address[];
}

/** @param servers asked for with each connection. */
const oneRedis = (servers: () => Servers): Topology => ({
  name: "one Redis, ioredis 6",
  connect: (options = {}) => new Redis({ ...servers().single, ...options }),
});

/** One server and a Cluster, by both versions of ioredis. */
export const topologiesOn = (servers: () => Servers): readonly Topology[] => [
  oneRedis(servers),
  {
    name: "Cluster of three, ioredis 6",
    connect: (options = {}) => new Cluster([...servers().cluster], options),
  },
  {
    name: "one Redis, ioredis 5",
    // The commands used here are the same in both versions; their types are not interchangeable.
    connect: (options = {}) => new Redis5({ ...servers().single, ...options }) as unknown as Redis,
  },
  {
    name: "Cluster of three, ioredis 5",
    connect: (options = {}) => new Cluster5([...servers().cluster], options) as unknown as Cluster,
  },
];

export const onOneRedis: Topology = oneRedis(() => ({ single, cluster }));

/** What the library does goes to a user that may do no more than docs/redis.md says; what a test does, to one that may. */
const asLimitedUser: Topology = {
  name: `one Redis, ${guarded.tls ? "TLS, " : ""}a user with the least rights`,
  connect: (options = {}) => {
    const { host, port, tls } = guarded;
    const secure = tls && { port: tls.port, tls: { ca: tls.ca } };
    const limited = new Redis({ host, port, ...secure, username: "limited", password: "limited", ...options });
    const all = new Redis({ host, port, ...options });
    const ofLibrary: ReadonlySet<unknown> = new Set([
      "evalsha",
      "evalshaBuffer",
      "eval",
      "evalBuffer",
      "callBuffer",
      "pipeline",
      "duplicate",
      "status",
    ]);
    return new Proxy(all, {
      get: (_, name) => {
        if (name === "quit") return async () => Promise.all([limited.quit(), all.quit()]);
        if (name === "disconnect") return () => [limited, all].map((client) => client.disconnect());
        const client: object = ofLibrary.has(name) ? limited : all;
        const value: unknown = Reflect.get(client, name);
        // The library names its commands in one array; a test chains them.
        if (name === "pipeline")
          return (commands?: unknown[][]) => (commands ? limited.pipeline(commands) : all.pipeline());
        return typeof value === "function" ? (value.bind(client) as unknown) : value;
      },
    });
  },
};

export const topologies: readonly Topology[] = [...topologiesOn(() => ({ single, cluster })), asLimitedUser];

/** What the library does goes over node-redis; what a test does, over ioredis. The options of ioredis are left out. */
const byNodeRedis = ({ version, createClient, createCluster }: NodeRedis): readonly Topology[] => {
  const carrying = (client: Client, library: ReturnType<typeof createClient | typeof createCluster>): Client => {
    library.on("error", () => {});
    void library.connect();
    const quit = client.quit.bind(client);
    const disconnect = client.disconnect.bind(client);
    return Object.assign(client, fromNodeRedis(library), {
      quit: async () => {
        await library.close();
        return quit();
      },
      disconnect: () => {
        if (library.isOpen) library.destroy();
        disconnect();
      },
    });
  };
  return [
    {
      name: `one Redis, ${version}`,
      connect: () => carrying(new Redis(single), createClient({ socket: single })),
    },
    {
      name: `Cluster of three, ${version}`,
      connect: () => carrying(new Cluster([...cluster]), createCluster({ rootNodes: rootNodes(cluster) })),
    },
  ];
};

/** The older version on one Redis and the newer one on a Cluster, or both on both. */
export const withNodeRedis: readonly Topology[] = nodeRedisVersions
  .flatMap(byNodeRedis)
  .filter((_, index) => amount(0, 1) === 1 || index === 0 || index === 3);

/** With node-redis beside ioredis. */
export const allTopologies: readonly Topology[] = [...topologies, ...withNodeRedis];

/** A Cluster client that reaches each node through another address, a proxy say. */
export function clusterThrough(
  detours: ReadonlyMap<Address, Address>,
  options: Pick<ClusterOptions, "retryDelayOnFailover" | "maxRedirections"> = {},
): Cluster {
  const natMap = Object.fromEntries([...detours].map(([node, detour]) => [`${node.host}:${node.port}`, detour]));
  return new Cluster([...detours.values()], { ...options, natMap });
}
