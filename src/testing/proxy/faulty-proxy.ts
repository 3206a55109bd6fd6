import { once } from "node:events";
import { createServer, type Server, connect as openSocket, type Socket } from "node:net";

import { InvalidOptionError } from "../../errors.js";
import { listen, listenOnFreePort } from "../servers/free-ports.js";
import { ProxiedLink } from "./proxied-link.js";
import { ProxyConditions } from "./proxy-conditions.js";
import type { RedisAddress } from "../running-redis.js";

const LOOPBACK = "127.0.0.1";
const MAX_DELAY_MILLISECONDS = 2 ** 31 - 1;

/** Selects the replies that a fault affects. */
export interface ReplyFaultOptions {
  /**
   * The names of the commands, in any case.
   *
   * @default every command except those that a client sends by itself when it connects: AUTH, CLIENT, CLUSTER, COMMAND,
   * HELLO, INFO, READONLY, SELECT
   */
  readonly command?: string | readonly string[];
  /**
   * The number of replies. A request does not count if its connection is lost before the reply.
   *
   * @default 1
   */
  readonly count?: number;
}

/** Options of `FaultyProxy.cutReply()`. */
export interface CutReplyOptions extends ReplyFaultOptions {
  /** The number of bytes of the reply that pass. A shorter reply passes whole, and then the connection ends. */
  readonly afterBytes: number;
}

/** A proxy between a client and a Redis, which causes network faults on demand. Until then, it passes everything on. */
export interface FaultyProxy extends RedisAddress {
  /** The URL of the proxy, for example `redis://127.0.0.1:17000`. */
  readonly url: string;
  /** The number of replies that the proxy has dropped or cut. */
  readonly faults: number;
  /** The number of requests that the proxy has received, including those of a client's handshake. */
  readonly requests: number;
  /** Returns the number of requests with this command name, in any case: `requestsNamed("evalsha")`. */
  requestsNamed(command: string): number;
  /**
   * Drops the replies to the next matching requests. The server executes such a request. When the server begins to
   * reply, the proxy destroys the client's connection. Earlier replies still arrive, and the server also executes the
   * other requests that it has received. Pub/Sub subscriptions have no reply of their own and never match.
   *
   * @throws InvalidOptionError if `count` is not a whole number of at least 1.
   */
  dropReplies(options?: ReplyFaultOptions): void;
  /**
   * Cuts the replies to the next matching requests. Works as `dropReplies()`, but the first `afterBytes` bytes of the
   * reply pass.
   *
   * @throws InvalidOptionError if `count` is not a whole number of at least 1, or `afterBytes` not one of at least 0.
   */
  cutReply(options: CutReplyOptions): void;
  /**
   * Delays everything by at least `milliseconds` in each direction, so a round trip takes at least twice as long. `0`
   * ends the delay.
   *
   * @throws InvalidOptionError if `milliseconds` is not a number from 0 to 2147483647.
   */
  delay(milliseconds: number): void;
  /**
   * Discards everything in both directions, including the end of a connection. Connections stay open, and the proxy
   * accepts new ones. `heal()` destroys every connection that lost data, because its stream has a gap.
   */
  blackhole(): void;
  /** Destroys all connections and refuses new ones, as if the server were not running. */
  refuse(): void;
  /** Ends every fault, and cancels those that have not happened yet. Resolves when clients can connect. */
  heal(): Promise<void>;
  /** Destroys all connections and stops listening. An open proxy keeps the program running. */
  close(): Promise<void>;
  /** Calls `close()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a proxy on a free port of 127.0.0.1. The proxy connects to the Redis at `target`: an address, or a port of
 * 127.0.0.1.
 *
 * @throws InvalidOptionError if the port of `target` is not a port number.
 *
 * @example
 * ```ts
 * await using redis = await startRedis();
 * await using proxy = await faultyProxy(redis);
 * const client = new Redis(proxy.url);
 *
 * proxy.dropReplies({ command: "INCR" });
 * await client.incr("counter"); // ioredis sends the command again, so the counter is 2
 * ```
 */
export async function faultyProxy(target: number | RedisAddress): Promise<FaultyProxy> {
  const { host, port } = typeof target === "number" ? { host: LOOPBACK, port: target } : target;
  requireWholeNumber("target", port, 1, 65_535);
  // Half-open connections let a client end its side and still receive its replies.
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
      throw new InvalidOptionError("milliseconds", `use a number from 0 to ${MAX_DELAY_MILLISECONDS}.`);
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
  throw new InvalidOptionError(option, `use a whole number from ${lowest} to ${highest}.`);
}
