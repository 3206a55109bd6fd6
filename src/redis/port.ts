// The port to Redis: all that the library asks of a client. An adapter makes one from a client of the caller's. It never
// connects, closes or changes that client.

/** What a command is made of, and what a reply holds: text, or bytes where the command asks for bytes. */
export type Value = string | Buffer;

/** A command and its arguments. */
export type Command = readonly [name: string, ...args: Value[]];

/** `"bytes"`: strings in the reply are bytes. Text from bytes that are no UTF-8 would be another value. */
export type ReplyType = "text" | "bytes";

/**
 * A Redis client as the library sees it.
 *
 * A command that Redis refuses rejects with an error whose message begins with the code of the refusal, such as
 * `NOSCRIPT`. An error of any other message means that the reply did not arrive.
 */
export interface RedisPort {
  /** Says in an error what state the client is in; `"closed"` when it was closed by its owner. */
  readonly status: string;
  /** Whether keys are spread over nodes. Then all keys of a call are in one slot, and the client finds its node. */
  readonly isCluster: boolean;
  /** Whether two commands, one sent after the other, stay in that order when the connection ends and both are sent again. */
  readonly keepsOrder: boolean;
  /** When the connection ends before the reply, it is sent again; so are the two below. */
  call(command: Command, replies?: ReplyType): Promise<unknown>;
  /** @param keysAndArguments the keys come first. The port does not keep or change the array. */
  evalsha(sha1: string, numberOfKeys: number, keysAndArguments: Value[], replies?: ReplyType): Promise<unknown>;
  eval(lua: string, numberOfKeys: number, keysAndArguments: Value[], replies?: ReplyType): Promise<unknown>;
  /**
   * Sends commands together, over one connection, to the node of the first key. The replies are in the order of the
   * commands. Where Redis refused a command there is an Error, where the connection ended before the reply an
   * {@link UnansweredError}. What was not sent then is not sent over another connection. When there was no reply at all,
   * all of it is sent again.
   */
  pipeline(commands: readonly Command[], replies?: ReplyType): Promise<unknown[]>;
  /** The primaries of a Cluster, as far as the client knows them yet; else the client itself. */
  primaries(): readonly RedisPort[];
  /** Opens a connection that listens to channels, until it is closed. It reconnects by itself. */
  subscriber(listener: ChannelListener): Subscriber;
}

export interface ChannelListener {
  readonly onMessage: (channel: string, message: string) => void;
  /** Called after each time that the subscription of a channel stands: what was published before went unheard. */
  readonly onSubscribed: (channel: string) => void;
}

/** A connection that listens to channels. */
export interface Subscriber {
  listen(channel: string): void;
  leave(channel: string): void;
  close(): void;
}

/** The connection ended after a pipeline was sent, and this command was not answered. It may have run. */
export class UnansweredError extends Error {
  override readonly name = "UnansweredError";
}
