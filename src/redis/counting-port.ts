import type { Tally } from "../diagnostics/operations.js";
import type { ChannelListener, Command, RedisPort, ReplyType, Subscriber, Value } from "./port.js";

/** A port that counts its round trips, and the bytes of arguments and replies without the protocol's own. */
export class CountingPort implements RedisPort {
  readonly #port: RedisPort;
  readonly #tally: Tally;

  constructor(port: RedisPort, tally: Tally) {
    this.#port = port;
    this.#tally = tally;
  }

  get status(): string {
    return this.#port.status;
  }

  get isCluster(): boolean {
    return this.#port.isCluster;
  }

  get keepsOrder(): boolean {
    return this.#port.keepsOrder;
  }

  call(command: Command, replies?: ReplyType): Promise<unknown> {
    return this.#counted(sizeOf(command), this.#port.call(command, replies));
  }

  evalsha(sha1: string, numberOfKeys: number, keysAndArguments: Value[], replies?: ReplyType): Promise<unknown> {
    const sent = sha1.length + sizeOf(keysAndArguments);
    return this.#counted(sent, this.#port.evalsha(sha1, numberOfKeys, keysAndArguments, replies));
  }

  eval(lua: string, numberOfKeys: number, keysAndArguments: Value[], replies?: ReplyType): Promise<unknown> {
    const sent = lua.length + sizeOf(keysAndArguments);
    return this.#counted(sent, this.#port.eval(lua, numberOfKeys, keysAndArguments, replies));
  }

  pipeline(commands: readonly Command[], replies?: ReplyType): Promise<unknown[]> {
    return this.#counted(sizeOf(commands), this.#port.pipeline(commands, replies));
  }

  primaries(): readonly RedisPort[] {
    return this.#port.primaries();
  }

  subscriber(listener: ChannelListener): Subscriber {
    return this.#port.subscriber(listener);
  }

  async #counted<Reply>(sent: number, replied: Promise<Reply>): Promise<Reply> {
    this.#tally.roundTrips += 1;
    this.#tally.bytesSent += sent;
    const reply = await replied;
    this.#tally.bytesReceived += sizeOf(reply);
    return reply;
  }
}

function sizeOf(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Buffer.isBuffer(value)) return value.length;
  let size = 0;
  // A loop instead of reduce, because a read may have tens of thousands of entries.
  if (Array.isArray(value)) for (const one of value as unknown[]) size += sizeOf(one);
  return size;
}
