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
  /** The connection. Absent before the first one, and in a `Cluster`. */
  readonly stream?: IoredisStream;
  evalsha(sha1: string, numberOfKeys: number, keysAndArguments: Value[]): Promise<unknown>;
  eval(script: string, numberOfKeys: number, keysAndArguments: Value[]): Promise<unknown>;
  call(command: string, ...args: Value[]): Promise<unknown>;
  evalshaBuffer?(sha1: string, numberOfKeys: number, keysAndArguments: Value[]): Promise<unknown>;
  evalBuffer?(script: string, numberOfKeys: number, keysAndArguments: Value[]): Promise<unknown>;
  callBuffer?(command: string, ...args: Value[]): Promise<unknown>;
  pipeline(commands: unknown[][]): IoredisPipeline;
  /** Makes the connection that listens to the ends of sessions. `SessionStore.close()` closes it. */
  duplicate(): IoredisSubscriber;
  /** Returns the nodes. Only a `Cluster` has this method. */
  nodes?(role: "master"): IoredisNode[];
}

/** The most commands that are sent together. Redis runs them while the next ones are made. */
const MOST_TOGETHER = 8;

/** A connection, with methods of Node's streams. A wrapper may lack them. */
interface IoredisStream {
  readonly writableCorked?: number;
  cork?(): void;
  uncork?(): void;
}

/** A node of a `Cluster`, which is a client itself. */
interface IoredisNode extends Omit<IoredisClient, "isCluster" | "nodes" | "duplicate"> {
  duplicate(options?: SubscriberOptions): IoredisSubscriber;
}

/** Commands that are sent together. Their replies come together, in the same order. */
interface IoredisPipeline {
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

interface SubscriberOptions {
  /** Needed for a node of a `Cluster`, whose connections do not reconnect by themselves. */
  readonly retryStrategy?: (attempt: number) => number;
  /** Off, because ioredis' own resubscription rejects where nobody can catch it if the client is closed meanwhile. */
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
  /** The number of commands that are sent together now. 0 before the first command of a tick. */
  #together = 0;
  /** How many of them are still missing. */
  #missing = 0;
  /** The connections that hold commands back. */
  #held: readonly IoredisStream[] = [];

  constructor(client: IoredisClient) {
    this.#client = client;
  }

  /**
   * Makes the connection send commands of one tick together. ioredis writes each command by itself, and with many calls
   * at once the system call of each write takes more time than anything else. The first command of a tick is sent at
   * once, then 2, 4 and 8 together: otherwise Redis would wait for this process, and this process for Redis, in turn.
   */
  #gather(): void {
    if (this.#together === 0) {
      // Node runs this after the promises that have been settled so far, so after the calls that wait for them.
      process.nextTick(() => {
        this.#together = 0;
        this.#missing = 0;
        this.#release();
      });
    }
    if (this.#missing === 0) {
      this.#release();
      this.#together = this.#together === 0 ? 1 : Math.min(2 * this.#together, MOST_TOGETHER);
      this.#missing = this.#together;
      if (this.#together > 1) this.#hold();
    }
    this.#missing -= 1;
  }

  /** Holds back the commands that follow. */
  #hold(): void {
    const nodes = this.#client.nodes?.("master") ?? [this.#client];
    this.#held = nodes.flatMap(({ stream }) => (stream?.writableCorked === 0 ? [stream] : []));
    for (const stream of this.#held) stream.cork?.();
  }

  /** Sends the commands that were held back. */
  #release(): void {
    for (const stream of this.#held) stream.uncork?.();
    this.#held = [];
  }

  get status(): string {
    return this.#client.status === "end" ? "closed" : this.#client.status;
  }

  get isCluster(): boolean {
    return this.#client.isCluster === true;
  }

  call([name, ...args]: Command, replies?: ReplyType): Promise<unknown> {
    this.#gather();
    if (replies !== "bytes") return this.#client.call(name, ...args);
    // Use the command's own method: with `enableAutoPipelining`, ioredis takes "callBuffer" for the command's name.
    const method: unknown = Reflect.get(this.#client, `${name}Buffer`);
    return typeof method === "function"
      ? (method.apply(this.#client, args) as Promise<unknown>)
      : this.#withBytes.callBuffer(name, ...args);
  }

  evalsha(sha1: string, numberOfKeys: number, keysAndArguments: Value[], replies?: ReplyType): Promise<unknown> {
    this.#gather();
    return replies === "bytes"
      ? this.#withBytes.evalshaBuffer(sha1, numberOfKeys, keysAndArguments)
      : this.#client.evalsha(sha1, numberOfKeys, keysAndArguments);
  }

  eval(lua: string, numberOfKeys: number, keysAndArguments: Value[], replies?: ReplyType): Promise<unknown> {
    this.#gather();
    return replies === "bytes"
      ? this.#withBytes.evalBuffer(lua, numberOfKeys, keysAndArguments)
      : this.#client.eval(lua, numberOfKeys, keysAndArguments);
  }

  async pipeline(commands: readonly Command[], replies?: ReplyType): Promise<unknown[]> {
    this.#gather();
    const suffix = replies === "bytes" ? "Buffer" : "";
    // Pass the arguments in an array, because a function takes at most about 100,000 arguments.
    const batch = commands.map(([name, ...args]) => [name + suffix, args]);
    const answered = (await this.#client.pipeline(batch).exec().catch(unanswered)) ?? [];
    return answered.map(([error, reply]) => (error ? asUnanswered(error) : reply));
  }

  primaries(): readonly RedisPort[] {
    const nodes = this.#client.nodes?.("master");
    return nodes === undefined ? [this] : nodes.map((node) => new IoredisPort(node));
  }

  subscriber({ onMessage, onSubscribed }: ChannelListener): Subscriber {
    // A node hears messages of every node. A Cluster's own subscriber would be replaced without notice.
    const [node] = this.#client.nodes?.("master") ?? [];
    const subscriber = node
      ? node.duplicate({ retryStrategy: reconnectDelay, autoResubscribe: false })
      : this.#duplicate();
    const channels = new Set<string>();
    const subscribe = (channel: string): void => {
      const told = (): void => {
        if (channels.has(channel)) onSubscribed(channel);
      };
      // If the connection has ended again, this rejects. The next connection subscribes anew.
      subscriber.subscribe(channel).then(told, () => {});
    };
    // Errors of the connection need no handling: `onSubscribed` is called when the next connection is ready.
    subscriber.on("error", () => {});
    subscriber.on("message", (channel: unknown, message: unknown) => onMessage(String(channel), String(message)));
    subscriber.on("ready", () => channels.forEach(subscribe));
    return {
      listen: (channel) => {
        channels.add(channel);
        // This makes a lazy client connect. The subscription that counts is the one on "ready" above.
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
    // duplicate() of a Cluster has other parameters.
    return this.isCluster
      ? this.#client.duplicate()
      : (this.#client as IoredisNode).duplicate({ autoResubscribe: false });
  }

  /** The methods that reply with bytes. Every ioredis client has them, but a wrapper may lack them. */
  get #withBytes(): Required<IoredisClient> {
    if (!hasMethods(this.#client, ["callBuffer", "evalshaBuffer", "evalBuffer"])) {
      throw new InvalidOptionError(
        "client",
        "pass a client with callBuffer, evalshaBuffer and evalBuffer, which read sealed and compressed values.",
      );
    }
    return this.#client as Required<IoredisClient>;
  }
}

/**
 * Returns the error of a command in a pipeline. If a connection ends when a pipeline is partly answered, ioredis
 * rejects the rest with an AbortError.
 */
function asUnanswered(error: Error): Error {
  return error.name === "AbortError" ? new UnansweredError() : error;
}

function unanswered(error: unknown): never {
  throw error instanceof Error ? asUnanswered(error) : error;
}
