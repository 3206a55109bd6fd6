import { hasMethods } from "../options/validation.js";
import { type IoredisClient, IoredisPort, isIoredisClient } from "./ioredis.js";
import { isNodeRedisClient } from "./node-redis-client.js";
import type { RedisPort } from "./port.js";

/** The key of the port. It is a registered symbol, so that a second copy of this package knows it too. */
const portKey: unique symbol = Symbol.for("langchain-redis-sessions/port");

/** A client of another package in the form that every `client` option accepts, as `fromNodeRedis` returns it. */
export interface AdaptedClient {
  readonly [portKey]: RedisPort;
}

/**
 * The Redis client that the caller passes in: an ioredis 5 or 6 `Redis` or `Cluster`, or the result of `fromNodeRedis`.
 * It stays the caller's: the library never connects, closes or changes it.
 */
export type RedisClient = IoredisClient | AdaptedClient;

/** Returns a value for a `client` option from a port whose adapter is not the default one. */
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

/** Returns advice on what to pass instead of a value for which there is no adapter. */
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

/** One port for each client, because what is known about a Redis is kept by port. */
const ports = new WeakMap<IoredisClient, RedisPort>();

/** Returns the port of a client. Only this function knows how a client is adapted. */
export function portOf(client: RedisClient): RedisPort {
  if (isAdapted(client)) return client[portKey];
  const known = ports.get(client);
  if (known !== undefined) return known;
  const port = new IoredisPort(client);
  ports.set(client, port);
  return port;
}
