import { InvalidOptionError } from "../errors.js";
import { hasMethods } from "../options/validation.js";
import {
  type ChannelListener,
  type Command,
  type RedisPort,
  type ReplyType,
  type Subscriber,
  UnansweredError,
  type Value,
} from "./port.js";
import { reconnectDelay } from "./reconnect-delay.js";

/** An ioredis 5 or 6 `Redis` or `Cluster`, typed by the few methods that the library uses. */
export interface IoredisClient {
  readonly status: string;
  /** `true` for a `Cluster`. */
  readonly isCluster?: boolean;
  evalsha(sha1: string, numberOfKeys: number, keysAndArguments: Value[]): Promise<unknown>;
  eval(script: string, numberOfKeys: number, keysAndArguments: Value[]): Promise<unknown>;
  call(command: string, ...args: Value[]): Promise<unknown>;
  evalshaBuffer?(sha1: string, numberOfKeys: number, keysAndArguments: Value[]): Promise<unknown>;
  evalBuffer?(script: string, numberOfKeys: number, keysAndArguments: Value[]): Promise<unknown>;
  callBuffer?(command: string, ...args: Value[]): Promise<unknown>;
  pipeline(commands: unknown[][]): IoredisPipeline;
  /** Makes the connection that listens to the ends of sessions, which `SessionStore.close()` closes. */
  duplicate(): IoredisSubscriber;
  /** A `Cluster` has it: its nodes. */
  nodes?(role: "master"): IoredisNode[];
}

/** A node of a `Cluster`: a client of its own. */
interface IoredisNode extends Omit<IoredisClient, "isCluster" | "nodes" | "duplicate"> {
  duplicate(options?: SubscriberOptions): IoredisSubscriber;
}

/** Commands sent together, answered together, in order. */
interface IoredisPipeline {
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

interface SubscriberOptions {
  /** A connection to one node of a `Cluster` would not reconnect by itself. */
  readonly retryStrategy?: (attempt: number) => number;
  /** ioredis' own subscription after a reconnection rejects where nobody can catch it, when the client is closed then. */
  readonly autoResubscribe: false;
}

/** A connection that listens to channels. */
interface IoredisSubscriber {
  readonly status: string;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  on(event: string, listener: (...values: unknown[]) => void): unknown;
  disconnect(): void;
}

export function isIoredisClient(value: unknown): value is IoredisClient {
  return hasMethods(value, ["evalsha", "eval", "call", "pipeline"]);
}

/** The adapter of ioredis. */
export class IoredisPort implements RedisPort {
  readonly keepsOrder = true;
  readonly #client: IoredisClient;

  constructor(client: IoredisClient) {
    this.#client = client;
  }

  get status(): string {
    return this.#client.status === "end" ? "closed" : this.#client.status;
  }

  get isCluster(): boolean {
    return this.#client.isCluster === true;
  }

  call([name, ...args]: Command, replies?: ReplyType): Promise<unknown> {
    if (replies !== "bytes") return this.#client.call(name, ...args);
    // By its own method: with `enableAutoPipelining`, ioredis takes "callBuffer" for the name of the command.
    const method: unknown = Reflect.get(this.#client, `${name}Buffer`);
    return typeof method === "function"
      ? (method.apply(this.#client, args) as Promise<unknown>)
      : this.#withBytes.callBuffer(name, ...args);
  }

  evalsha(sha1: string, numberOfKeys: number, keysAndArguments: Value[], replies?: ReplyType): Promise<unknown> {
    return replies === "bytes"
      ? this.#withBytes.evalshaBuffer(sha1, numberOfKeys, keysAndArguments)
      : this.#client.evalsha(sha1, numberOfKeys, keysAndArguments);
  }

  eval(lua: string, numberOfKeys: number, keysAndArguments: Value[], replies?: ReplyType): Promise<unknown> {
    return replies === "bytes"
      ? this.#withBytes.evalBuffer(lua, numberOfKeys, keysAndArguments)
      : this.#client.eval(lua, numberOfKeys, keysAndArguments);
  }

  async pipeline(commands: readonly Command[], replies?: ReplyType): Promise<unknown[]> {
    const suffix = replies === "bytes" ? "Buffer" : "";
    // The arguments in an array of their own: a function takes no more than about 100,000.
    const batch = commands.map(([name, ...args]) => [name + suffix, args]);
    const answered = (await this.#client.pipeline(batch).exec().catch(unanswered)) ?? [];
    return answered.map(([error, reply]) => (error ? asUnanswered(error) : reply));
  }

  primaries(): readonly RedisPort[] {
    const nodes = this.#client.nodes?.("master");
    return nodes === undefined ? [this] : nodes.map((node) => new IoredisPort(node));
  }

  subscriber({ onMessage, onSubscribed }: ChannelListener): Subscriber {
    // One node hears what is published on any. A Cluster would replace its own subscriber without a word.
    const [node] = this.#client.nodes?.("master") ?? [];
    const subscriber = node
      ? node.duplicate({ retryStrategy: reconnectDelay, autoResubscribe: false })
      : this.#duplicate();
    const channels = new Set<string>();
    const subscribe = (channel: string): void => {
      const told = (): void => {
        if (channels.has(channel)) onSubscribed(channel);
      };
      // A connection that is gone again rejects; the next one will be ready.
      subscriber.subscribe(channel).then(told, () => {});
    };
    // The error of a connection is no news here: `onSubscribed` is called when the next connection stands.
    subscriber.on("error", () => {});
    subscriber.on("message", (channel: unknown, message: unknown) => onMessage(String(channel), String(message)));
    subscriber.on("ready", () => channels.forEach(subscribe));
    return {
      listen: (channel) => {
        channels.add(channel);
        // A client that connects lazily does so for its first command; what counts is the subscription above.
        if (subscriber.status === "ready") subscribe(channel);
        else subscriber.subscribe(channel).catch(() => {});
      },
      leave: (channel) => {
        channels.delete(channel);
        subscriber.unsubscribe(channel).catch(() => {});
      },
      close: () => subscriber.disconnect(),
    };
  }

  #duplicate(): IoredisSubscriber {
    // The duplicate() of a Cluster has other parameters.
    return this.isCluster
      ? this.#client.duplicate()
      : (this.#client as IoredisNode).duplicate({ autoResubscribe: false });
  }

  /** The methods that reply bytes, which every ioredis client has; a wrapper of one may have left them out. */
  get #withBytes(): Required<IoredisClient> {
    if (!hasMethods(this.#client, ["callBuffer", "evalshaBuffer", "evalBuffer"])) {
      throw new InvalidOptionError(
        "client",
        "what is sealed or compressed is read with callBuffer, evalshaBuffer and evalBuffer: pass a client that has them.",
      );
    }
    return this.#client as Required<IoredisClient>;
  }
}

/** When a connection ends, ioredis gives up a pipeline that was answered in part, with an error of this name. */
function asUnanswered(error: Error): Error {
  return error.name === "AbortError" ? new UnansweredError() : error;
}

function unanswered(error: unknown): never {
  throw error instanceof Error ? asUnanswered(error) : error;
}
