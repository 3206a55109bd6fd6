import { hasMethods } from "../options/validation.js";
import { type IoredisClient, IoredisPort, isIoredisClient } from "./ioredis.js";
import { isNodeRedisClient } from "./node-redis-client.js";
import type { RedisPort } from "./port.js";

/** By a registered symbol, so that a second copy of this package knows it too. */
const portKey: unique symbol = Symbol.for("langchain-redis-sessions/port");

/** A client of another package in the form that every `client` option takes, such as `fromNodeRedis` returns it. */
export interface AdaptedClient {
  readonly [portKey]: RedisPort;
}

/**
 * The Redis client that the caller passes in: an ioredis 5 or 6 `Redis` or `Cluster`, or what `fromNodeRedis` returns. It
 * stays the caller's: it is never connected, closed or changed here.
 */
export type RedisClient = IoredisClient | AdaptedClient;

/** Returns what a `client` option takes, for a port whose adapter is not the default one. */
export function adapted(port: RedisPort): AdaptedClient {
  return { [portKey]: port };
}

function isAdapted(value: unknown): value is AdaptedClient {
  return typeof value === "object" && value !== null && portKey in value;
}

/** Returns whether there is an adapter for a client. */
export function isRedisClient(value: unknown): value is RedisClient {
  return isAdapted(value) || isIoredisClient(value);
}

/** Returns what to pass instead of something for which there is no adapter. */
export function clientAdvice(value: unknown): string {
  if (isNodeRedisClient(value)) {
    return 'this is a client of node-redis: pass fromNodeRedis(client), of "langchain-redis-sessions/node-redis"';
  }
  const advice =
    "pass an ioredis 5 or 6 client, which is connect(url), new Redis(url) or new Cluster(nodes), or fromNodeRedis(client)";
  if (hasMethods(value, ["sendCommand"])) return `${advice}; of node-redis, version 5.8 or later`;
  if (typeof value !== "object" || value === null) return advice;
  const { name } = (value as { constructor?: { name: string } }).constructor ?? { name: "none" };
  const missing = ["evalsha", "eval", "call", "pipeline"].filter((method) => !hasMethods(value, [method]));
  return `${advice}; this is an object of the class ${name}, without ${missing.join(", ")}`;
}

/** One for each client: by the port, what is known of a Redis is kept. */
const ports = new WeakMap<IoredisClient, RedisPort>();

/** The only place that knows how a client is adapted. */
export function portOf(client: RedisClient): RedisPort {
  if (isAdapted(client)) return client[portKey];
  const known = ports.get(client);
  if (known !== undefined) return known;
  const port = new IoredisPort(client);
  ports.set(client, port);
  return port;
}
