import { Cluster, Redis } from "ioredis";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";

export const topologies = ["one node", "Cluster of three"] as const;
export type Topology = (typeof topologies)[number];

/** Servers of our own, the connections that work with them, and one to each node that only asks. */
export interface Server extends AsyncDisposable {
  readonly topology: Topology;
  readonly redis: RunningRedis;
  readonly clients: readonly (Redis | Cluster)[];
  readonly nodes: readonly Redis[];
}

/** Without persistence. `args`: settings of every node. */
export async function startServer(
  topology: Topology,
  connections: number,
  args: readonly string[] = [],
): Promise<Server> {
  const cluster = topology === "Cluster of three";
  const redis = await startRedis({ cluster, args: ["--save", "", ...args] });
  const clients = Array.from({ length: connections }, () =>
    cluster ? new Cluster([...redis.nodes]) : new Redis(redis.url),
  );
  const nodes = redis.nodes.map((node) => new Redis({ ...node }));
  await Promise.all(nodes.map((node) => node.ping()));
  await Promise.all(clients.map((client) => client.get("unused")));
  return {
    topology,
    redis,
    clients,
    nodes,
    [Symbol.asyncDispose]: async () => {
      for (const client of [...clients, ...nodes]) client.disconnect();
      await redis.stop();
    },
  };
}
