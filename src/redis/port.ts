// The port to Redis: everything that the library needs of a client. An adapter makes a port from a client of the
// caller. It never connects, closes or changes that client.

/** A part of a command or reply: text, or bytes if the command asks for bytes. */
export type Value = string | Buffer;

/** A command and its arguments. */
export type Command = readonly [name: string, ...args: Value[]];

/** `"bytes"` returns the strings of a reply as bytes, because bytes that are not UTF-8 would not survive as text. */
export type ReplyType = "text" | "bytes";

/**
 * A Redis client as the library uses it.
 *
 * If Redis refuses a command, the call rejects with an error whose message begins with the code of the refusal, such as
 * `NOSCRIPT`. Any other error means that no reply arrived.
 */
export interface RedisPort {
  /** The state of the client, for error messages. `"closed"` if its owner has closed it. */
  readonly status: string;
  /** Whether keys are spread over nodes. If so, all keys of a call are in one slot, and the client finds the node. */
  readonly isCluster: boolean;
  /** Whether two commands keep their order if the connection ends and both are sent again. */
  readonly keepsOrder: boolean;
  /**
   * Sends a command. If the connection ends before the reply, the client sends it again. The same holds for `evalsha`
   * and `eval`.
   */
  call(command: Command, replies?: ReplyType): Promise<unknown>;
  /**
   * Runs a script that the server knows.
   *
   * @param keysAndArguments the keys, followed by the arguments. The port neither keeps nor changes the array.
   */
  evalsha(sha1: string, numberOfKeys: number, keysAndArguments: Value[], replies?: ReplyType): Promise<unknown>;
  eval(lua: string, numberOfKeys: number, keysAndArguments: Value[], replies?: ReplyType): Promise<unknown>;
  /**
   * Sends commands together, over one connection, to the node of the first key. Returns the replies in the order of the
   * commands. The reply of a refused command is an Error; that of a command whose connection ended before the reply is
   * an {@link UnansweredError}. Commands that were not sent by then are not sent over another connection. If no command
   * was answered, all are sent again.
   */
  pipeline(commands: readonly Command[], replies?: ReplyType): Promise<unknown[]>;
  /** Returns the primaries of a Cluster, as far as the client knows them; otherwise the client itself. */
  primaries(): readonly RedisPort[];
  /** Opens a connection that listens to channels until it is closed. It reconnects by itself. */
  subscriber(listener: ChannelListener): Subscriber;
}

export interface ChannelListener {
  readonly onMessage: (channel: string, message: string) => void;
  /** Called each time the subscription of a channel has been established. The listener has missed earlier messages. */
  readonly onSubscribed: (channel: string) => void;
}

/** A connection that listens to channels. */
export interface Subscriber {
  listen(channel: string): void;
  leave(channel: string): void;
  close(): void;
}

/** Stands for a command of a pipeline that was sent but not answered before the connection ended. It may have run. */
export class UnansweredError extends Error {
  override readonly name = "UnansweredError";
}
