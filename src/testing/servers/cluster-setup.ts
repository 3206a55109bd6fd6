import { setTimeout as wait } from "node:timers/promises";

import { Redis } from "ioredis";

import { RedisUnavailableError } from "../redis-unavailable-error.js";
import type { PlannedServer } from "./server-plan.js";

const LOOPBACK = "127.0.0.1";
const SLOTS = 16_384;
const MAX_SETUP_MILLISECONDS = 30_000;
const POLL_MILLISECONDS = 50;

/**
 * Joins servers to one cluster and waits until every node sees the whole cluster. The servers may be new, or may have
 * been joined before.
 *
 * Clients reach the servers at `host`. The servers always reach each other over their loopback interface.
 */
export async function formCluster(host: string, servers: readonly PlannedServer[]): Promise<void> {
  const nodes = servers.map(
    ({ port }) => new Redis({ host, port, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 }),
  );
  // The calls below throw these errors. Without a listener, ioredis would also print them.
  for (const node of nodes) node.on("error", () => {});
  try {
    await Promise.all(nodes.map((node) => node.connect()));
    await Promise.all(nodes.map((node, index) => takeSlots(node, index, nodes.length)));
    await Promise.all(nodes.map((node) => announce(node, host)));
    await Promise.all(nodes.map((node) => introduce(node, servers)));
    await untilWhole(nodes, servers, host);
  } catch (error) {
    if (error instanceof RedisUnavailableError) throw error;
    throw new RedisUnavailableError("The servers could not be joined to a cluster.", { cause: error });
  } finally {
    for (const node of nodes) node.disconnect();
  }
}

/** Assigns a new node its share of the slots. A node that restarts with its `dataDir` already has them. */
async function takeSlots(node: Redis, index: number, count: number): Promise<void> {
  const info = await clusterInfo(node);
  if (info.get("cluster_slots_assigned") !== "0") return;
  const share = Math.ceil(SLOTS / count);
  // The nodes get different epochs, because nodes with equal epochs would first have to resolve the conflict.
  await node.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
  await node.call("CLUSTER", "ADDSLOTSRANGE", index * share, Math.min((index + 1) * share, SLOTS) - 1);
}

/**
 * Announces `host` to clients. Docker may publish ports at another address than 127.0.0.1, such as its gateway if the
 * caller runs in a container too. The nodes do not use that address, because the ports between them are not published.
 */
async function announce(node: Redis, host: string): Promise<void> {
  if (host === LOOPBACK) return;
  await node.config("SET", "cluster-announce-hostname", host);
  await node.config("SET", "cluster-preferred-endpoint-type", "hostname");
}

/**
 * Introduces the node to all others. Nodes that know each other from an earlier start also learn the new ports here.
 */
async function introduce(node: Redis, servers: readonly PlannedServer[]): Promise<void> {
  for (const { port, busPort } of servers) {
    if (port !== node.options.port) await node.call("CLUSTER", "MEET", LOOPBACK, port, busPort ?? "");
  }
}

async function untilWhole(nodes: readonly Redis[], servers: readonly PlannedServer[], host: string): Promise<void> {
  const deadline = performance.now() + MAX_SETUP_MILLISECONDS;
  for (;;) {
    const views = await Promise.all(nodes.map((node) => seesWholeCluster(node, servers, host)));
    if (views.every(Boolean)) return;
    if (performance.now() > deadline) {
      throw new RedisUnavailableError(`The cluster was not whole after ${MAX_SETUP_MILLISECONDS} ms.`);
    }
    await wait(POLL_MILLISECONDS);
  }
}

async function seesWholeCluster(node: Redis, servers: readonly PlannedServer[], host: string): Promise<boolean> {
  const info = await clusterInfo(node);
  if (info.get("cluster_state") !== "ok" || info.get("cluster_slots_ok") !== String(SLOTS)) return false;
  const peers = String(await node.call("CLUSTER", "NODES"))
    .trim()
    .split("\n");
  return (
    peers.length === servers.length &&
    servers.every(({ port }) => {
      // "<id> <ip>:<port>@<bus port>,<hostname> <flags> <primary> <ping> <pong> <epoch> connected <slots>"
      const peer = peers.find((line) => line.includes(` ${LOOPBACK}:${port}@`)) ?? "";
      return / (?:myself,)?master - .* connected /.test(peer) && (host === LOOPBACK || peer.includes(`,${host} `));
    })
  );
}

async function clusterInfo(node: Redis): Promise<ReadonlyMap<string, string>> {
  const lines = String(await node.call("CLUSTER", "INFO"))
    .trim()
    .split(/\r?\n/);
  return new Map(
    lines.map((line): [string, string] => {
      const [name = "", value = ""] = line.split(":");
      return [name, value];
    }),
  );
}
