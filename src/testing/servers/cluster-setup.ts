import { setTimeout as wait } from "node:timers/promises";

import { Redis } from "ioredis";

import { RedisUnavailableError } from "../redis-unavailable-error.js";
import type { PlannedServer } from "./server-plan.js";

const LOOPBACK = "127.0.0.1";
const SLOTS = 16_384;
const MAX_SETUP_MILLISECONDS = 30_000;
const POLL_MILLISECONDS = 50;

/**
 * Makes one cluster of fresh or formerly joined servers and waits until every node sees all of it.
 *
 * `host` is where clients reach the servers. Among each other the servers always talk over their loopback.
 */
export async function formCluster(host: string, servers: readonly PlannedServer[]): Promise<void> {
  const nodes = servers.map(
    ({ port }) => new Redis({ host, port, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 }),
  );
  // What goes wrong is thrown below; without a listener ioredis prints it as well.
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

/** Gives a fresh node its share of the slots; one that comes back with its `dataDir` has them already. */
async function takeSlots(node: Redis, index: number, count: number): Promise<void> {
  const info = await clusterInfo(node);
  if (info.get("cluster_slots_assigned") !== "0") return;
  const share = Math.ceil(SLOTS / count);
  // Different epochs from the start: equal ones would have to be settled between the nodes first.
  await node.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
  await node.call("CLUSTER", "ADDSLOTSRANGE", index * share, Math.min((index + 1) * share, SLOTS) - 1);
}

/**
 * Docker may publish ports at another address, such as its gateway when the caller runs in a container, too. Only clients
 * are told that one: the ports between the nodes are not published.
 */
async function announce(node: Redis, host: string): Promise<void> {
  if (host === LOOPBACK) return;
  await node.config("SET", "cluster-announce-hostname", host);
  await node.config("SET", "cluster-preferred-endpoint-type", "hostname");
}

/** Nodes that knew each other under the ports of an earlier start learn the new ones this way, too. */
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
