import { hasMethods } from "../options/validation.js";
import type { Value } from "./port.js";

// node-redis 5 and 6, typed by the few methods that the library uses.

/**
 * A client of the package `redis`, version 5.8 or later, or 6: one of `createClient`, `createClientPool`, `createSentinel`
 * or `createCluster`. It stays the caller's, who connects and closes it.
 */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  sendCommand(...args: never[]): Promise<unknown>;
  withTypeMapping(...args: never[]): unknown;
}

/** What a command is sent with. Each overrides what the client has. */
export interface SendOptions {
  /** By the byte that begins a reply: the class of what it becomes. */
  readonly typeMapping: Readonly<Record<number, unknown>>;
  /** Commands with the same symbol are a chain: when a connection ends within it, its rest is not sent over the next. */
  readonly chainId: symbol;
  /** Ahead of what waits already. */
  readonly asap: false;
  /** For so many milliseconds a command waits to be sent. Once it is sent, it waits for its reply without end. */
  readonly timeout: number;
}

/** One connection: a client of `createClient`, or what the others make of each server. */
export interface NodeRedisConnection extends NodeRedisClient {
  readonly isReady: boolean;
  readonly options?: { readonly socket?: object | undefined } | undefined;
  sendCommand(command: readonly Value[], options: SendOptions): Promise<unknown>;
  duplicate(overrides: object): NodeRedisConnection;
  connect(): Promise<unknown>;
  destroy(): void;
  /** From now on the connection does not keep the process alive. */
  unref(): void;
  on(event: "error", listener: () => void): unknown;
  subscribe(channel: string, listener: (message: string, channel: string) => void): Promise<unknown>;
  unsubscribe(channel: string, listener: (message: string, channel: string) => void): Promise<unknown>;
}

export interface NodeRedisPool extends NodeRedisClient {
  execute<Result>(work: (connection: NodeRedisConnection) => Promise<Result>): Promise<Result>;
}

export interface NodeRedisSentinel extends NodeRedisClient {
  readonly isReady: boolean;
  /** As all its commands do: over a connection to the primary, and once more when that turns out to be no primary. */
  _execute<Result>(isReadOnly: false, work: (connection: NodeRedisConnection) => Promise<Result>): Promise<Result>;
}

export interface NodeRedisCluster extends NodeRedisClient {
  readonly masters: readonly NodeRedisClusterNode[];
  /** By the number of the slot. */
  readonly slots: readonly { readonly master: NodeRedisClusterNode }[];
  /** By `host:port`, as the Cluster tells it. */
  readonly nodeByAddress: ReadonlyMap<string, NodeRedisClusterNode>;
  nodeClient(node: NodeRedisClusterNode): Promise<NodeRedisConnection>;
  sendCommand(firstKey: string, isReadOnly: false, command: readonly Value[]): Promise<unknown>;
}

export interface NodeRedisClusterNode {
  readonly address: string;
}

export function isNodeRedisClient(value: unknown): value is NodeRedisClient {
  return hasMethods(value, ["sendCommand", "withTypeMapping"]);
}

export function isPool(client: NodeRedisClient): client is NodeRedisPool {
  return hasMethods(client, ["execute"]);
}

export function isSentinel(client: NodeRedisClient): client is NodeRedisSentinel {
  return hasMethods(client, ["getMasterNode", "_execute"]);
}

export function isCluster(client: NodeRedisClient): client is NodeRedisCluster {
  return hasMethods(client, ["nodeClient"]);
}
