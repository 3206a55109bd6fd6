import { BaseListChatMessageHistory } from "@langchain/core/chat_history";
import type { BaseMessage } from "@langchain/core/messages";
import { decodeMessage } from "../codec/decode.js";
import { encodeMessage } from "../codec/encode.js";
import {
  ConversationChangedError,
  CorruptMessageError,
  InvalidOptionError,
  OperationConflictError,
} from "../errors.js";
import { type HistoryKeys, historyKeys } from "../redis/keys.js";
import { digestOf, newOperationId } from "../redis/operation.js";
import { appendScript } from "../redis/scripts/append.js";
import { clearScript } from "../redis/scripts/clear.js";
import { read, write } from "../redis/send.js";
import {
  type HistorySettings,
  parseHistoryOptions,
  parseOperationId,
  type RedisChatMessageHistoryOptions,
} from "./options.js";
import { acceptablePart, withinTokens } from "./window.js";

/** Options of one write. */
export interface WriteOptions {
  /**
   * Names the write, so that repeating it within two minutes has no second effect: any non-empty well-formed string
   * of up to 1 KiB. Absent, one is made. The same id with other content is an `OperationConflictError`.
   */
  operationId?: string | undefined;
}

/** Stands for "this object never read", which is not fenced; a mark of a clear is a server time. */
const NEVER_READ = "*";

/**
 * A conversation's messages in a Redis list: a LangChain chat history whose `addMessages` stores a turn once and
 * whole, or throws.
 *
 * - Each append is one script, one round trip: all messages, their expiry, and the operation id, or nothing.
 * - Each call settles within `deadline`; a failure is a typed error (see the members).
 * - After `clear()`, an append by an object that read before it is refused. Make one object a turn, as
 *   `RunnableWithMessageHistory` does: turns that share an object are told apart only approximately.
 *
 * @example
 * ```ts
 * const history = new RedisChatMessageHistory({ client: connect("redis://localhost:6379"), sessionId: "ada" });
 * await history.addMessages([new HumanMessage("Hi, I am Ada."), new AIMessage("Hello Ada.")]);
 * const messages = await history.getMessages(); // [HumanMessage, AIMessage]
 * ```
 */
export class RedisChatMessageHistory extends BaseListChatMessageHistory {
  override lc_namespace: string[] = ["langchain_redis_sessions", "chat_history"];

  readonly #settings: HistorySettings;
  readonly #keys: HistoryKeys;
  /** The clear that the latest read saw (`""`: none): an append is refused once there is another. */
  #seen: string = NEVER_READ;
  /** Between a read and the append that follows it. */
  #inTurn = false;
  /** What `getMessages()` returned: a caller that stores its whole state must not store these again. */
  readonly #handedOut = new WeakSet<BaseMessage>();

  /** @throws InvalidOptionError when an option is missing, unknown or of the wrong form. */
  constructor(options: RedisChatMessageHistoryOptions) {
    super(); // Without the options: Serializable keeps its arguments, and would show the client to tracers.
    this.#settings = parseHistoryOptions(options);
    this.#keys = historyKeys(this.#settings.keyPrefix, this.#settings.sessionId);
  }

  /**
   * The messages, oldest first; with `window`, its newest part. One round trip.
   *
   * @throws CorruptMessageError for an entry that cannot be read, unless `onCorrupt` is `"skip"`; also when the key
   * holds another type of value.
   * @throws StoreUnavailableError when Redis did not answer within the deadline.
   */
  override async getMessages(): Promise<BaseMessage[]> {
    const { window } = this.#settings;
    const first = window && "messages" in window ? -window.messages : 0;
    // The mark before the list: a clear in between then makes the coming append fail, not slip through.
    const [seen, entries] = (await read(this.#settings, [
      ["hget", this.#keys.meta, "cleared"],
      ["lrange", this.#keys.messages, String(first), "-1"],
    ])) as [string | null, string[]];
    const messages = this.#decode(entries, first < 0 ? -entries.length : 0);
    this.#seen = seen ?? "";
    this.#inTurn = true;
    for (const message of messages) this.#handedOut.add(message);
    if (window === undefined) return messages;
    return "tokens" in window ? withinTokens(messages, window) : acceptablePart(messages);
  }

  /** Stores one message; see {@link addMessages}. */
  override addMessage(message: BaseMessage): Promise<void> {
    return this.addMessages([message]);
  }

  /**
   * Appends the messages of a turn, all or none, once, and renews the conversation's `ttl`. One round trip.
   *
   * Messages that this object's `getMessages()` returned are already stored and are left out.
   *
   * @throws InvalidOptionError for a value that is not a message, cannot be stored or is too large; nothing was sent.
   * @throws ConversationChangedError when `clear()` ran after this object last read; nothing was stored.
   * @throws OperationConflictError when the operation id named another write; nothing was stored.
   * @throws StorageFullError when Redis is out of memory; nothing was stored.
   * @throws StoreUnavailableError otherwise; when it is `indeterminate`, repeat with its `operationId`.
   */
  override async addMessages(messages: BaseMessage[], options: WriteOptions = {}): Promise<void> {
    const operationId = operationIdOf(options);
    const encoded = this.#encode(messages.filter((message) => !this.#handedOut.has(message)));
    if (encoded.length === 0) return;
    const { ttlMilliseconds, maxMessages } = this.#settings;
    const outcome = await write(
      this.#settings,
      appendScript,
      {
        keys: this.#keys,
        operationId,
        digest: digestOf(encoded.join("\n")),
        seen: this.#seen,
        ttlMilliseconds,
        maxMessages,
        encoded,
      },
      this.#keys.operation(operationId),
    );
    if (outcome === "conflict") throw new OperationConflictError(operationId);
    if (outcome === "changed") throw new ConversationChangedError();
    this.#inTurn = false;
  }

  /**
   * Ends the conversation: removes its messages, and keeps turns that read before from writing back. One round trip.
   *
   * This object itself may go on appending, unless it has read and not yet appended: then it has a turn in flight,
   * which is refused like any other until the next `getMessages()`. A clear is remembered for a day.
   *
   * @throws CorruptMessageError when the key holds another type of value, which is left alone.
   * @throws OperationConflictError when the operation id named another write; nothing was removed.
   * @throws StoreUnavailableError otherwise; when it is `indeterminate`, repeat with its `operationId`.
   */
  override async clear(options: WriteOptions = {}): Promise<void> {
    const operationId = operationIdOf(options);
    const { outcome, mark } = await write(
      this.#settings,
      clearScript,
      { keys: this.#keys, operationId },
      this.#keys.operation(operationId),
    );
    if (outcome === "conflict") throw new OperationConflictError(operationId);
    if (outcome === "foreign") {
      throw new CorruptMessageError("The key of this history holds another type of value; it was left alone.");
    }
    if (!this.#inTurn && this.#seen !== NEVER_READ) this.#seen = mark;
  }

  /**
   * How many messages are stored, whatever the window. One round trip.
   *
   * @throws CorruptMessageError when the key holds another type of value.
   * @throws StoreUnavailableError when Redis did not answer within the deadline.
   */
  async length(): Promise<number> {
    const [length] = await read(this.#settings, [["llen", this.#keys.messages]]);
    return Number(length);
  }

  #encode(messages: readonly BaseMessage[]): string[] {
    const { maxMessages, maxMessageBytes } = this.#settings;
    if (maxMessages > 0 && messages.length > maxMessages) {
      throw new InvalidOptionError(
        "messages",
        `these are ${messages.length}, and maxMessages keeps ${maxMessages}: they could not be stored whole.`,
      );
    }
    return messages.map((message, position) => {
      const encoded = encodeMessage(message, position);
      const bytes = Buffer.byteLength(encoded);
      if (bytes > maxMessageBytes) {
        throw new InvalidOptionError(
          `messages[${position}]`,
          `it takes ${bytes} bytes, and maxMessageBytes is ${maxMessageBytes}. Keep large content elsewhere, or raise it.`,
        );
      }
      return encoded;
    });
  }

  #decode(entries: readonly string[], firstIndex: number): BaseMessage[] {
    if (this.#settings.onCorrupt === "throw") {
      return entries.map((entry, offset) => decodeMessage(entry, firstIndex + offset).message);
    }
    return entries.flatMap((entry, offset) => {
      try {
        return [decodeMessage(entry, firstIndex + offset).message];
      } catch (error) {
        if (error instanceof CorruptMessageError) return [];
        throw error;
      }
    });
  }
}

function operationIdOf({ operationId }: WriteOptions): string {
  return operationId === undefined ? newOperationId() : parseOperationId(operationId);
}
