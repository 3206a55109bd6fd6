import { createClient, createClientPool, createCluster, createSentinel } from "redis";
import * as redis6 from "redis-6";
import type { Address } from "./start-servers.js";

/** The versions of node-redis. Both are used alike, and their types are not interchangeable. */
export interface NodeRedis {
  readonly version: string;
  readonly createClient: typeof createClient;
  readonly createClientPool: typeof createClientPool;
  readonly createCluster: typeof createCluster;
  readonly createSentinel: typeof createSentinel;
}

export const nodeRedisVersions: readonly NodeRedis[] = [
  { version: "node-redis 5", createClient, createClientPool, createCluster, createSentinel },
  { version: "node-redis 6", ...(redis6 as unknown as Omit<NodeRedis, "version">) },
];

/**
 * What a Sentinel client needs to find the next primary. Before 6.2, node-redis waits for the server that it knows, also if
 * that never comes back (redis/node-redis#3066).
 */
export function sentinelOptions({ version }: NodeRedis): object {
  return version === "node-redis 5" ? { nodeClientOptions: { socket: { reconnectStrategy: false } } } : {};
}

/** What a client of one of the kinds has in common, as a test closes it. */
export interface Connected {
  on(event: "error", listener: () => void): unknown;
  connect(): Promise<unknown>;
}

/** Connects, and leaves errors to whoever calls. */
export async function connected<Client extends Connected>(client: Client): Promise<Client> {
  client.on("error", () => {});
  await client.connect();
  return client;
}

export function rootNodes(addresses: readonly Address[]): { url: string }[] {
  return addresses.map(({ host, port }) => ({ url: `redis://${host}:${port}` }));
}
