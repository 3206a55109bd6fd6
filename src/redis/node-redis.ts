import { refusalCode } from "./failure.js";
import type { NodeRedisClient, SendOptions } from "./node-redis-client.js";
import { type Route, routeOf } from "./node-redis-routes.js";
import { subscribe } from "./node-redis-subscriber.js";
import {
  type ChannelListener,
  type Command,
  type RedisPort,
  type ReplyType,
  type Subscriber,
  UnansweredError,
  type Value,
} from "./port.js";

/** The bytes that begin a bulk string and, in RESP3, a score. In RESP2, scores are text. */
const [BULK_STRING, DOUBLE] = [36, 44];

const typeMappings: Readonly<Record<ReplyType, SendOptions["typeMapping"]>> = {
  text: { [DOUBLE]: String },
  bytes: { [BULK_STRING]: Buffer, [DOUBLE]: String },
};

/**
 * The time after which an unsent command is dropped. Without a limit, node-redis 5 keeps a write for as long as Redis
 * is away, and sends it after its operation id has been forgotten. The time is the default of node-redis 6.
 */
const UNSENT_MILLISECONDS = 5_000;

/** The same number as in ioredis. */
const MAX_SENT_AGAIN = 20;

/** The adapter of node-redis 5 and 6. */
export class NodeRedisPort implements RedisPort {
  readonly isCluster: boolean;
  /** `false`, because commands that are sent again come after commands that had not been sent yet. */
  readonly keepsOrder = false;
  readonly #client: NodeRedisClient;
  readonly #route: Route;
  #wasOpen = false;

  constructor(client: NodeRedisClient, route: Route = routeOf(client)) {
    this.#client = client;
    this.#route = route;
    this.isCluster = route.nodes !== undefined;
  }

  get status(): string {
    const { isOpen, isReady = true } = this.#client as { readonly isOpen: boolean; readonly isReady?: boolean };
    this.#wasOpen ||= isOpen;
    if (isOpen) return isReady ? "ready" : "connecting";
    return this.#wasOpen ? "closed" : "not connected";
  }

  async call(command: Command, replies?: ReplyType): Promise<unknown> {
    const [reply] = await this.pipeline([command], replies);
    if (reply instanceof Error) throw reply;
    return reply;
  }

  evalsha(sha1: string, numberOfKeys: number, keysAndArguments: Value[], replies?: ReplyType): Promise<unknown> {
    return this.call(["evalsha", sha1, String(numberOfKeys), ...keysAndArguments], replies);
  }

  eval(lua: string, numberOfKeys: number, keysAndArguments: Value[], replies?: ReplyType): Promise<unknown> {
    return this.call(["eval", lua, String(numberOfKeys), ...keysAndArguments], replies);
  }

  async pipeline(commands: readonly Command[], replies: ReplyType = "text"): Promise<unknown[]> {
    const began = performance.now();
    for (let left = MAX_SENT_AGAIN; ; left--) {
      const patience = UNSENT_MILLISECONDS - (performance.now() - began);
      const answered = await this.#send(commands, replies, Math.max(1, Math.ceil(patience)));
      const again = answered.every((reply) => reply instanceof UnansweredError) && this.#client.isOpen && left > 0;
      if (!again || performance.now() - began >= UNSENT_MILLISECONDS) return answered;
    }
  }

  primaries(): readonly RedisPort[] {
    return this.#route.nodes?.().map((node) => new NodeRedisPort(this.#client, node)) ?? [this];
  }

  subscriber(listener: ChannelListener): Subscriber {
    return subscribe(() => this.#route.connection(), listener);
  }

  async #send(commands: readonly Command[], replies: ReplyType, patience: number): Promise<unknown[]> {
    // Some kinds of clients do not report this by themselves.
    if (!this.#client.isOpen) throw new Error(`The client is ${this.status}.`);
    this.#wasOpen = true;
    const answered = await this.#route.send(commands, {
      typeMapping: typeMappings[replies],
      chainId: Symbol("pipeline"),
      asap: false,
      timeout: patience,
    });
    return answered.map(asUnanswered);
  }
}

/**
 * Returns the reply, or an UnansweredError if the connection ended before it. Then node-redis rejects the commands that
 * it has sent with the error that ended the connection, and does not send them again.
 */
function asUnanswered(reply: unknown): unknown {
  return reply instanceof Error && refusalCode(reply) === undefined ? new UnansweredError() : reply;
}
