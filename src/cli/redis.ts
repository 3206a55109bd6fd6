import { Cluster, type Redis, type RedisOptions } from "ioredis";
import { connect } from "../redis/connect.js";
import { faultOfUrl } from "../redis/url.js";
import { UnreachableError, UsageError } from "./errors.js";

export interface OpenRedis extends AsyncDisposable {
  readonly client: Redis | Cluster;
}

/**
 * Returns the address of Redis.
 *
 * @throws UsageError when no address is given, or when an argument contains a password, because everybody on the
 * machine can see arguments.
 */
export function urlOf(argument: string | undefined, environment: NodeJS.ProcessEnv): URL {
  const text = argument ?? environment["REDIS_URL"] ?? "";
  if (text === "") throw new UsageError("Say which Redis: set REDIS_URL, or pass --url.");
  const fault = faultOfUrl(text);
  // Leave out the address, because it may hold a password.
  if (fault !== undefined) throw new UsageError(`The address of Redis cannot be used: ${fault}.`);
  const url = new URL(text);
  if (argument !== undefined && (url.password !== "" || url.searchParams.has("password"))) {
    throw new UsageError(
      "Everybody on this machine can see arguments. Put the password into REDIS_PASSWORD, or the whole address into REDIS_URL.",
    );
  }
  if (url.password === "") url.password = encodeURIComponent(environment["REDIS_PASSWORD"] ?? "");
  return url;
}

/**
 * Connects to a Redis, or to the Cluster that it belongs to.
 *
 * @throws UnreachableError when Redis does not answer or refuses the connection.
 */
export async function openRedis(url: URL): Promise<OpenRedis> {
  const access = accessOf(url);
  const single = connectTo(url, access);
  const client = (await isOfCluster(url, single)) ? clusterOf(single, access) : single;
  return { client, [Symbol.asyncDispose]: async () => client.disconnect() };
}

/** The options of every connection, whichever node it leads to. */
type Access = Pick<RedisOptions, "username" | "password" | "enableReadyCheck">;

function accessOf(url: URL): Access {
  return {
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
    // The check uses INFO. If INFO is forbidden, ioredis would print a warning.
    enableReadyCheck: false,
  };
}

function connectTo(url: URL, access: Access): Redis {
  // Remove the credentials from the address, because ioredis would prefer them to the options.
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  return connect(bare.href, { ...access, lazyConnect: true });
}

/**
 * Connects, and returns whether the server is a node of a Cluster. Asks with HELLO, which every user that may connect
 * may run.
 */
async function isOfCluster(url: URL, client: Redis): Promise<boolean> {
  let reason = "";
  // Report the first failure at once. The client handles later ones by reconnecting.
  const failed = new Promise<never>((_, reject) => {
    client.on("error", (error: Error) => {
      reason = reasonOf(error);
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
    if (reason === "" && error instanceof Error) reason = reasonOf(error);
    throw new UnreachableError(`Redis at ${url.host} could not be reached: ${reason}`);
  }
}

/** Returns the message of an error. That of a host with several addresses is in the errors of each. */
function reasonOf(error: Error): string {
  const each = error instanceof AggregateError ? (error.errors as Error[]).map(({ message }) => message) : [];
  return error.message || each.join(", ") || error.name;
}

/** Returns the mode in a reply of HELLO, which holds names and values in turn. */
function modeOf(reply: unknown): unknown {
  return Array.isArray(reply) ? (reply[reply.indexOf("mode") + 1] as unknown) : undefined;
}

/** Returns a client of the Cluster that a node belongs to, and ends the connection to that node. */
function clusterOf(node: Redis, access: Access): Cluster {
  const { host = "localhost", port = 6379, tls } = node.options;
  node.disconnect();
  return new Cluster([{ host, port }], {
    redisOptions: { ...access, ...(tls === undefined ? {} : { tls }), connectTimeout: 2_000, socketTimeout: 5_000 },
    // Do not resolve names, because certificates are issued for names.
    ...(tls === undefined ? {} : { dnsLookup: (address, callback) => callback(null, address) }),
    enableReadyCheck: false,
  });
}
