import { Redis } from "ioredis";
import { vi } from "vitest";
import { findFreePorts } from "../../src/testing/servers/free-ports.js";
import { OwnServer } from "./own-server.js";
import { severableLink, type SeverableLink } from "./severable-link.js";
import type { Address } from "./start-servers.js";

export interface ClusterNode extends Address {
  /** Can be killed, and come back with what it knows of the Cluster, but without data. */
  readonly server: OwnServer;
  /** Straight to this node. */
  readonly client: Redis;
  /**
   * With "severable links", what the node announces: its replicas copy from it through this; the nodes' talk among
   * themselves does not pass here. Clients are sent here too, unless `natMap` leads them to the node itself.
   */
  readonly link: SeverableLink;
}

export interface ReplicatedCluster {
  /** As they began: each had a third of the slots. */
  readonly primaries: readonly ClusterNode[];
  readonly replicas: readonly ClusterNode[];
  readonly stop: () => Promise<void>;
}

const SLOTS = 16_384;
const PATIENCE = { timeout: 30_000, interval: 50 };

export async function untilTrue(check: () => Promise<boolean>, what: string): Promise<void> {
  await vi.waitFor(async () => {
    if (!(await check())) throw new Error(`Not yet: ${what}`);
  }, PATIENCE);
}

/** Three primaries; `replicasOf[i]` replicas of the i-th. Fast to fail over. */
export async function clusterWithReplicas(
  replicasOf: readonly [number, number, number],
  replication: "direct" | "severable links" = "direct",
): Promise<ReplicatedCluster> {
  const owners = [-1, -1, -1, ...replicasOf.flatMap((count, index) => Array.from({ length: count }, () => index))];
  const at = (index: number): Address => ({ host: "127.0.0.1", port: ports[index] ?? 0 });
  // The links first: what is free for the servers is then none of theirs.
  const links = await Promise.all(owners.map((_, index) => severableLink(() => at(index))));
  const ports = await findFreePorts(owners.length * 2);
  const servers = await Promise.all(
    links.map(async (link, index) => {
      const address = at(index);
      const [port, busPort] = [address.port, ports[owners.length + index] ?? 0];
      const settings = {
        "cluster-enabled": "yes",
        "cluster-port": busPort,
        "cluster-announce-port": replication === "direct" ? port : link.port,
        "cluster-node-timeout": 1_000,
        "cluster-require-full-coverage": "no",
        "repl-diskless-sync-delay": 0,
        "repl-ping-replica-period": 1,
      };
      const server = new OwnServer(
        port,
        Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
      );
      await server.start();
      const client = new Redis({ port, maxRetriesPerRequest: 0, retryStrategy: () => 50 });
      client.on("error", () => {});
      return { host: address.host, port, client, server, link, busPort };
    }),
  );
  const stop = async (): Promise<void> => {
    for (const { client } of servers) client.disconnect();
    await Promise.all(servers.map(({ server }) => server.remove()));
    for (const { link } of servers) link.close();
  };
  try {
    await Promise.all(servers.map(({ client }) => vi.waitFor(() => client.ping(), PATIENCE)));
    const [first, ...others] = servers;
    const share = Math.ceil(SLOTS / 3);
    for (const [index, { client }] of servers.slice(0, 3).entries()) {
      await client.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
      await client.call("CLUSTER", "ADDSLOTSRANGE", index * share, Math.min((index + 1) * share, SLOTS) - 1);
    }
    for (const { host, port, busPort } of others) await first?.client.call("CLUSTER", "MEET", host, port, busPort);
    await Promise.all(
      servers.map(({ client }, index) =>
        untilTrue(async () => {
          const info = String(await client.call("CLUSTER", "INFO"));
          return info.includes(`cluster_known_nodes:${servers.length}`) && info.includes("cluster_slots_ok:16384");
        }, `node ${index} sees the Cluster`),
      ),
    );
    for (const [index, owner] of owners.entries()) {
      if (owner < 0) continue;
      const id = String(await servers[owner]?.client.call("CLUSTER", "MYID"));
      await vi.waitFor(() => servers[index]?.client.call("CLUSTER", "REPLICATE", id), PATIENCE);
    }
    for (const { client } of servers.slice(3)) {
      await untilTrue(
        async () => (await client.info("replication")).includes("master_link_status:up"),
        "the replica has caught up",
      );
    }
    await untilTrue(async () => {
      const views = await Promise.all(servers.map(({ client }) => client.call("CLUSTER", "NODES")));
      return views.every((view) => (String(view).match(/ (?:myself,)?slave /g)?.length ?? 0) === owners.length - 3);
    }, "every node knows the replicas");
    return { primaries: servers.slice(0, 3), replicas: servers.slice(3), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
