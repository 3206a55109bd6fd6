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

/** Finds the server of commands. */
export interface Route {
  /**
   * Sends commands together, over one connection, and returns their replies in order. The reply of a refused or
   * unanswered command is an Error. Rejects if no command was sent.
   */
  send(commands: readonly Command[], options: SendOptions): Promise<unknown[]>;
  /**
   * Returns one of the client's own connections, to a server that accepts writes. The caller duplicates it to listen.
   */
  connection(): Promise<NodeRedisConnection>;
  /** The primaries of a Cluster. Absent if there is only one server. */
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
 * Sends commands together. node-redis sends everything that is queued at once, so they take one round trip. Its own
 * pipeline would reject at the first refusal and withhold the other replies.
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
 * Returns the route of a Sentinel client. node-redis runs the work again on the new primary if the work throws READONLY
 * or the connection has ended. So the work throws only if the first command was not accepted: otherwise an unanswered
 * WAIT would be sent alone, and would count the replicas of a connection that wrote nothing.
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

/** The same number as in ioredis. */
const MAX_REDIRECTIONS = 16;
const PAUSE_MILLISECONDS = 100;
const MAX_PAUSES = 50;

/** The codes with which a node of a Cluster replies when a key is, or may be, on another node. */
const redirections: ReadonlySet<string | undefined> = new Set(["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"]);

/** Commands that are safe to send again, whether or not they ran. */
const reads: ReadonlySet<string> = new Set(["exists", "hget", "hmget", "llen", "lrange", "pttl", "zscore"]);

/**
 * Returns the route of a Cluster client. node-redis follows redirections of single commands only, so this route follows
 * those of commands that belong together.
 */
function clusterRoute(client: NodeRedisCluster): Route {
  const primaryOf = async (key: string | Buffer): Promise<NodeRedisConnection> => {
    const slot = keySlot(key);
    // The client knows no slots while it connects. Wait, because other kinds of clients queue commands meanwhile.
    for (let left = MAX_PAUSES; client.slots[slot] === undefined && left > 0; left--) await pause(PAUSE_MILLISECONDS);
    const node = client.slots[slot]?.master;
    if (node === undefined) throw new Error("The client does not know the slots.");
    return connectionTo(client, node);
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
          : await asking(await connectionTo(client, target), commands, options);
    }
    return replies;
  };
  /** Sends a single command. The client follows its redirection and so learns the slot's new node. */
  const learn = (key: string | Buffer): Promise<unknown> =>
    client.sendCommand(String(key), false, ["exists", key]).catch(() => {});
  const nodeRoute = (node: NodeRedisClusterNode): Route => connectionRoute(() => connectionTo(client, node));
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

/**
 * Returns the open connection to a node of a Cluster. node-redis closes a connection for good when it breaks and its
 * `reconnectStrategy` gives up, and goes on to use it. So this opens it again. The caller may not have asked for such a
 * strategy: when node-redis learns where slots are, it writes `reconnectStrategy: false` into objects of a `nodeAddressMap`.
 */
async function connectionTo(client: NodeRedisCluster, node: NodeRedisClusterNode): Promise<NodeRedisConnection> {
  const connection = await client.nodeClient(node);
  // If this fails, the connection stays closed and rejects the command.
  if (!connection.isOpen && client.isOpen) await connection.connect().catch(() => {});
  return connection;
}

/** Returns the first key of commands. Any node answers a command without a key, for which this returns `""`. */
function firstKey([first]: readonly Command[]): string | Buffer {
  const [name, ...args] = first ?? [""];
  return (name === "evalsha" || name === "eval" ? args[2] : args[0]) ?? "";
}

/** Returns the first redirection, if it may be followed: a script that has run must not be sent again. */
function redirectionOf(replies: readonly unknown[], commands: readonly Command[]): Error | undefined {
  const refusals = replies.filter((reply) => reply instanceof Error);
  const [first] = refusals;
  if (first === undefined || !refusals.every((refusal) => redirections.has(refusalCode(refusal)))) return undefined;
  return first === replies[0] || commands.every(([name]) => reads.has(name)) ? first : undefined;
}

/** Sends commands to a node to which a slot is moving. It accepts only commands that follow ASKING. */
async function asking(
  connection: NodeRedisConnection,
  commands: readonly Command[],
  options: SendOptions,
): Promise<unknown[]> {
  const asked = commands.flatMap((command): Command[] => [["asking"], command]);
  const replies = await together(connection, asked, options);
  return replies.filter((_, index) => index % 2 === 1);
}
