import { setTimeout as pause } from "node:timers/promises";
import { refusalCode } from "./failure.js";
import { keySlot } from "./key-slot.js";
import {
  isCluster,
  isPool,
  isSentinel,
  type NodeRedisClient,
  type NodeRedisCluster,
  type NodeRedisClusterNode,
  type NodeRedisConnection,
  type NodeRedisSentinel,
  type SendOptions,
} from "./node-redis-client.js";
import type { Command } from "./port.js";

/** How commands find their server. */
export interface Route {
  /**
   * Sends commands together, over one connection, and returns their replies in order; an Error in the place of each that
   * was refused or not answered. Rejects when none was sent.
   */
  send(commands: readonly Command[], options: SendOptions): Promise<unknown[]>;
  /** Returns a connection to one server that takes writes, of the client's own: for the duplicate that listens. */
  connection(): Promise<NodeRedisConnection>;
  /** The primaries of a Cluster; absent where there is one server. */
  nodes?(): readonly Route[];
}

export function routeOf(client: NodeRedisClient): Route {
  if (isCluster(client)) return clusterRoute(client);
  if (isSentinel(client)) return sentinelRoute(client);
  if (isPool(client)) {
    return {
      send: (commands, options) => client.execute((connection) => together(connection, commands, options)),
      connection: () => client.execute((connection) => Promise.resolve(connection)),
    };
  }
  return connectionRoute(() => Promise.resolve(client as NodeRedisConnection));
}

function connectionRoute(connection: () => Promise<NodeRedisConnection>): Route {
  return {
    send: async (commands, options) => together(await connection(), commands, options),
    connection,
  };
}

/**
 * node-redis sends what a socket takes in one go, so that commands that are queued in one go are one round trip. Its own
 * pipeline would reject with the first refusal, and keep the other replies to itself.
 */
function together(
  connection: NodeRedisConnection,
  commands: readonly Command[],
  options: SendOptions,
): Promise<unknown[]> {
  return Promise.all(
    commands.map((command) => connection.sendCommand(command, options).catch((error: unknown) => asError(error))),
  );
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("unknown failure");
}

/**
 * node-redis runs the work again, on the server that is the primary then, when it throws READONLY, or after the connection
 * ended. So the work throws only where the first command was not taken: a WAIT that was not answered would be sent alone,
 * and count the replicas of a connection that wrote nothing.
 */
function sentinelRoute(client: NodeRedisSentinel): Route {
  return {
    send: async (commands, options) => {
      let replies: unknown[] = [];
      try {
        await client._execute(false, async (connection) => {
          replies = await together(connection, commands, options);
          if (replies[0] instanceof Error) throw replies[0];
        });
      } catch (error) {
        if (error !== replies[0]) throw error;
      }
      return replies;
    },
    connection: () => client._execute(false, (connection) => Promise.resolve(connection)),
  };
}

/** As ioredis has it. */
const MAX_REDIRECTIONS = 16;
const PAUSE_MILLISECONDS = 100;
const MAX_PAUSES = 50;

/** What a node of a Cluster answers when a key is, or may be, with another node. */
const redirections: ReadonlySet<string | undefined> = new Set(["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"]);

/** Commands that can be sent again whatever became of the first time. */
const reads: ReadonlySet<string> = new Set(["exists", "hget", "hmget", "llen", "lrange", "pttl", "zscore"]);

/** node-redis follows a redirection of a single command, and never one of several that belong together. */
function clusterRoute(client: NodeRedisCluster): Route {
  const primaryOf = async (key: string | Buffer): Promise<NodeRedisConnection> => {
    const slot = keySlot(key);
    // While it connects, it knows no slots. The other clients keep until then what they are to send.
    for (let left = MAX_PAUSES; client.slots[slot] === undefined && left > 0; left--) await pause(PAUSE_MILLISECONDS);
    const node = client.slots[slot]?.master;
    if (node === undefined) throw new Error("The client does not know the slots.");
    return client.nodeClient(node);
  };
  const send: Route["send"] = async (commands, options) => {
    const key = firstKey(commands);
    let replies = await together(await primaryOf(key), commands, options);
    for (let left = MAX_REDIRECTIONS; left > 0; left--) {
      const redirection = redirectionOf(replies, commands);
      if (redirection === undefined) break;
      const [code, , address = ""] = redirection.message.split(" ");
      if (code === "TRYAGAIN" || code === "CLUSTERDOWN") await pause(PAUSE_MILLISECONDS);
      if (code === "MOVED" || (code === "ASK" && !client.nodeByAddress.has(address))) await learn(key);
      const target = code === "ASK" ? client.nodeByAddress.get(address) : undefined;
      replies =
        target === undefined
          ? await together(await primaryOf(key), commands, options)
          : await asking(await client.nodeClient(target), commands, options);
    }
    return replies;
  };
  /** By itself a command finds its way, and shows the client where that leads. */
  const learn = (key: string | Buffer): Promise<unknown> =>
    client.sendCommand(String(key), false, ["exists", key]).catch(() => {});
  const nodeRoute = (node: NodeRedisClusterNode): Route => connectionRoute(() => client.nodeClient(node));
  return {
    send,
    connection: () => {
      const [node] = client.masters;
      return node === undefined
        ? Promise.reject(new Error("The client does not know the nodes."))
        : client.nodeClient(node);
    },
    nodes: () => client.masters.map(nodeRoute),
  };
}

/** A command without a key is answered by any node. */
function firstKey([first]: readonly Command[]): string | Buffer {
  const [name, ...args] = first ?? [""];
  return (name === "evalsha" || name === "eval" ? args[2] : args[0]) ?? "";
}

/** Returns the redirection to follow, which is the first. A script that has run is not sent again. */
function redirectionOf(replies: readonly unknown[], commands: readonly Command[]): Error | undefined {
  const refusals = replies.filter((reply) => reply instanceof Error);
  const [first] = refusals;
  if (first === undefined || !refusals.every((refusal) => redirections.has(refusalCode(refusal)))) return undefined;
  return first === replies[0] || commands.every(([name]) => reads.has(name)) ? first : undefined;
}

/** A node that a slot is on its way to takes only a command that follows an ASKING. */
async function asking(
  connection: NodeRedisConnection,
  commands: readonly Command[],
  options: SendOptions,
): Promise<unknown[]> {
  const asked = commands.flatMap((command): Command[] => [["asking"], command]);
  const replies = await together(connection, asked, options);
  return replies.filter((_, index) => index % 2 === 1);
}
