import { once } from "node:events";
import { createServer, type Server, connect as openSocket, type Socket } from "node:net";

import { InvalidOptionError } from "../../errors.js";
import { listen, listenOnFreePort } from "../servers/free-ports.js";
import { ProxiedLink } from "./proxied-link.js";
import { ProxyConditions } from "./proxy-conditions.js";
import type { RedisAddress } from "../running-redis.js";

const LOOPBACK = "127.0.0.1";
const MAX_DELAY_MILLISECONDS = 2 ** 31 - 1;

/** Which replies a fault is for. */
export interface ReplyFaultOptions {
  /**
   * Names of the commands, in any case. By default every command but those that a client sends by itself when it
   * connects: AUTH, CLIENT, CLUSTER, COMMAND, HELLO, INFO, READONLY, SELECT.
   */
  readonly command?: string | readonly string[];
  /**
   * How many replies. A request whose connection is lost before its turn does not count.
   *
   * @default 1
   */
  readonly count?: number;
}

/** Options of `FaultyProxy.cutReply()`. */
export interface CutReplyOptions extends ReplyFaultOptions {
  /** How many bytes of the reply still pass; a shorter reply passes whole, and the connection ends after it. */
  readonly afterBytes: number;
}

/** Stands between a client and a Redis and does to their connection what networks do. Until told to, it does nothing. */
export interface FaultyProxy extends RedisAddress {
  /** For example `redis://127.0.0.1:17000`. */
  readonly url: string;
  /** How many replies were dropped or cut so far. */
  readonly faults: number;
  /** How many requests were seen so far, those of a client's handshake included. */
  readonly requests: number;
  /** How many of them had this name, in any case: `requestsNamed("evalsha")`. */
  requestsNamed(command: string): number;
  /**
   * The next matching requests are executed by the server, but their replies never arrive: once the server begins to
   * answer one, its connection to the client is destroyed. Other requests that the server has by then are executed too,
   * replies in front of the dropped one arrive. Pub/Sub subscriptions have no reply of their own and never match.
   *
   * @throws InvalidOptionError when `count` is not a whole number from 1 on.
   */
  dropReplies(options?: ReplyFaultOptions): void;
  /**
   * As `dropReplies()`, but exactly `afterBytes` bytes of the reply pass first.
   *
   * @throws InvalidOptionError when `count` or `afterBytes` is no such number.
   */
  cutReply(options: CutReplyOptions): void;
  /**
   * Holds back everything, in each direction, by at least so many milliseconds: a round trip takes twice that. 0 ends it.
   *
   * @throws InvalidOptionError when it is no number from 0 to 2147483647.
   */
  delay(milliseconds: number): void;
  /**
   * From now on nothing passes in either direction, not even the end of a connection. Connections stay open, new ones
   * are accepted. What is sent meanwhile is lost, and `heal()` destroys every connection that lost something: its stream
   * could not go on without a gap.
   */
  blackhole(): void;
  /** Destroys all connections and refuses new ones, as if the server were gone. */
  refuse(): void;
  /** Ends every fault, ordered or in effect. Resolves once clients can connect. */
  heal(): Promise<void>;
  /** Destroys all connections and stops listening. An open proxy keeps the program running. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a proxy on a free port of 127.0.0.1, in front of the Redis on that port or at that address.
 *
 * @throws InvalidOptionError when the port is none.
 *
 * @example
 * ```ts
 * await using redis = await startRedis();
 * await using proxy = await faultyProxy(redis);
 * const client = new Redis(proxy.url);
 *
 * proxy.dropReplies({ command: "INCR" });
 * await client.incr("counter"); // ioredis sends it again: the counter is 2
 * ```
 */
export async function faultyProxy(target: number | RedisAddress): Promise<FaultyProxy> {
  const { host, port } = typeof target === "number" ? { host: LOOPBACK, port: target } : target;
  requireWholeNumber("target", port, 1, 65_535);
  // Half-open: a client that has sent all it wanted still gets its replies.
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  return new ListeningProxy(server, { host, port }, await listenOnFreePort(server));
}

class ListeningProxy implements FaultyProxy {
  readonly host: string = LOOPBACK;
  readonly port: number;
  readonly #server: Server;
  readonly #target: RedisAddress;
  readonly #links = new Set<ProxiedLink>();
  readonly #conditions = new ProxyConditions();
  #state: "open" | "refusing" | "closed" = "open";

  constructor(server: Server, target: RedisAddress, port: number) {
    this.port = port;
    this.#server = server;
    this.#target = target;
    server.on("connection", (client) => this.#accept(client));
  }

  get url(): string {
    return `redis://${this.host}:${this.port}`;
  }

  get faults(): number {
    return this.#conditions.faults.struck;
  }

  get requests(): number {
    return this.#conditions.requests;
  }

  requestsNamed(command: string): number {
    return this.#conditions.requestsNamed(command.toUpperCase());
  }

  dropReplies(options: ReplyFaultOptions = {}): void {
    this.cutReply({ ...options, afterBytes: 0 });
  }

  cutReply({ command, count = 1, afterBytes }: CutReplyOptions): void {
    requireWholeNumber("count", count, 1, Number.MAX_SAFE_INTEGER);
    requireWholeNumber("afterBytes", afterBytes, 0, Number.MAX_SAFE_INTEGER);
    const names = command === undefined ? undefined : [command].flat().map((name) => name.toUpperCase());
    this.#conditions.faults.order(names === undefined ? undefined : new Set(names), afterBytes, count);
  }

  delay(milliseconds: number): void {
    if (!(milliseconds >= 0 && milliseconds <= MAX_DELAY_MILLISECONDS)) {
      throw new InvalidOptionError("milliseconds", `give a number from 0 to ${MAX_DELAY_MILLISECONDS}.`);
    }
    this.#conditions.delayMilliseconds = milliseconds;
  }

  blackhole(): void {
    this.#conditions.blackholed = true;
  }

  refuse(): void {
    if (this.#state !== "open") return;
    this.#state = "refusing";
    this.#server.close();
    for (const link of this.#links) link.destroy();
  }

  async heal(): Promise<void> {
    this.#conditions.heal();
    for (const link of this.#links) {
      if (link.lossy) link.destroy();
      else link.flush();
    }
    if (this.#state !== "refusing") return;
    this.#state = "open";
    await listen(this.#server, this.port);
  }

  async close(): Promise<void> {
    this.#state = "closed";
    for (const link of this.#links) link.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(client: Socket): void {
    const server = openSocket({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const link: ProxiedLink = new ProxiedLink(client, server, this.#conditions, () => this.#links.delete(link));
    this.#links.add(link);
  }
}

function requireWholeNumber(option: string, value: number, lowest: number, highest: number): void {
  if (Number.isSafeInteger(value) && value >= lowest && value <= highest) return;
  throw new InvalidOptionError(option, `give a whole number from ${lowest} to ${highest}.`);
}
