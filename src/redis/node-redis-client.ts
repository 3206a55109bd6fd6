import { hasMethods } from "../options/validation.js";
import type { Value } from "./port.js";

// This file types node-redis 5 and 6 by the few methods that the library uses.

/**
 * A client of the package `redis`, version 5.8 or later, or 6, from `createClient`, `createClientPool`,
 * `createSentinel` or `createCluster`. It stays the caller's, who connects and closes it.
 */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  sendCommand(...args: never[]): Promise<unknown>;
  withTypeMapping(...args: never[]): unknown;
}

/** The options of a command. They override the client's. */
export interface SendOptions {
  /** The class of the value that each type of reply becomes, by the byte that begins the reply. */
  readonly typeMapping: Readonly<Record<number, unknown>>;
  /**
   * Commands with the same symbol form a chain: if the connection ends within it, node-redis does not send the rest
   * over the next connection.
   */
  readonly chainId: symbol;
  /** Whether to send the command ahead of waiting ones. */
  readonly asap: false;
  /** How long a command waits to be sent, in milliseconds. Once it is sent, it waits for its reply without limit. */
  readonly timeout: number;
}

/** A single connection: a client of `createClient`, or one that the other kinds of clients make for each server. */
export interface NodeRedisConnection extends NodeRedisClient {
  readonly isReady: boolean;
  readonly options?: { readonly socket?: object | undefined } | undefined;
  sendCommand(command: readonly Value[], options: SendOptions): Promise<unknown>;
  duplicate(overrides: object): NodeRedisConnection;
  connect(): Promise<unknown>;
  destroy(): void;
  /** Lets the process end although the connection is open. */
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
  /**
   * Runs work over a connection to the primary, as all commands of the client do. Runs it once more if that server
   * turns out not to be the primary.
   */
  _execute<Result>(isReadOnly: false, work: (connection: NodeRedisConnection) => Promise<Result>): Promise<Result>;
}

export interface NodeRedisCluster extends NodeRedisClient {
  readonly masters: readonly NodeRedisClusterNode[];
  /** The nodes, by the number of the slot. */
  readonly slots: readonly { readonly master: NodeRedisClusterNode }[];
  /** The nodes, by `host:port` as the Cluster reports it. */
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
