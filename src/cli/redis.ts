import { Cluster, type Redis, type RedisOptions } from "ioredis";
import { connect } from "../redis/connect.js";
import { UnreachableError, UsageError } from "./errors.js";

export interface OpenRedis extends AsyncDisposable {
  readonly client: Redis | Cluster;
}

/**
 * Returns which Redis is meant.
 *
 * @throws UsageError when none is named, or an argument holds a password: everybody on the machine sees arguments.
 */
export function urlOf(argument: string | undefined, environment: NodeJS.ProcessEnv): URL {
  const text = argument ?? environment["REDIS_URL"] ?? "";
  if (text === "") throw new UsageError("Say which Redis: set REDIS_URL, or pass --url.");
  if (!URL.canParse(text)) throw new UsageError('The address of Redis has to be like "redis://host:6379".');
  const url = new URL(text);
  if (argument !== undefined && url.password !== "") {
    throw new UsageError(
      "Everybody on this machine can see arguments. Put the password into REDIS_PASSWORD, or the whole address into REDIS_URL.",
    );
  }
  // Set by its own field, which percent-encodes it.
  if (url.password === "") url.password = environment["REDIS_PASSWORD"] ?? "";
  return url;
}

/**
 * Connects to a Redis, or to the Cluster that it belongs to.
 *
 * @throws UnreachableError when there is none, or it lets nobody in.
 */
export async function openRedis(url: URL): Promise<OpenRedis> {
  const access = accessOf(url);
  const single = connectTo(url, access);
  const client = (await isOfCluster(url, single)) ? clusterOf(single, access) : single;
  return { client, [Symbol.asyncDispose]: async () => client.disconnect() };
}

/** What every connection needs, to whichever node. */
type Access = Pick<RedisOptions, "username" | "password" | "enableReadyCheck">;

function accessOf(url: URL): Access {
  return {
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    // Its INFO may be forbidden, and ioredis would print a warning.
    enableReadyCheck: false,
  };
}

function connectTo(url: URL, access: Access): Redis {
  // ioredis prefers what the address says, so that says nothing of who asks.
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  return connect(bare.href, { ...access, lazyConnect: true });
}

/** Connects, and returns whether this is a node of a Cluster. HELLO is what anybody may ask who may connect. */
async function isOfCluster(url: URL, client: Redis): Promise<boolean> {
  let reason = "";
  // The first failure is told at once. Later ones are for the client, which reconnects.
  const failed = new Promise<never>((_, reject) => {
    client.on("error", (error: Error) => {
      reason = error.message;
      reject(error);
    });
  });
  failed.catch(() => {});
  try {
    await Promise.race([client.connect(), failed]);
    return modeOf(await client.call("hello")) === "cluster";
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("ERR unknown command")) return false;
    client.disconnect();
    if (reason === "" && error instanceof Error) reason = error.message;
    throw new UnreachableError(`Redis at ${url.host} was not reached: ${reason}`);
  }
}

/** Reads the reply of HELLO: names and values in turn. */
function modeOf(reply: unknown): unknown {
  return Array.isArray(reply) ? (reply[reply.indexOf("mode") + 1] as unknown) : undefined;
}

/** Returns a client of the Cluster that a node belongs to, and ends the connection to that node. */
function clusterOf(node: Redis, access: Access): Cluster {
  const { host = "localhost", port = 6379, tls } = node.options;
  node.disconnect();
  return new Cluster([{ host, port }], {
    redisOptions: { ...access, ...(tls === undefined ? {} : { tls }), connectTimeout: 2_000, socketTimeout: 5_000 },
    // Certificates are made out to names.
    ...(tls === undefined ? {} : { dnsLookup: (address, callback) => callback(null, address) }),
    enableReadyCheck: false,
  });
}
