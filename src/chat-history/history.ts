import { BaseListChatMessageHistory } from "@langchain/core/chat_history";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { decodeMessages } from "../codec/decode.js";
import { encodeMessage } from "../codec/encode.js";
import { InvalidOptionError, OperationConflictError } from "../errors.js";
import { newOperationId, operationIdOf, type WriteOptions } from "../redis/operation.js";
import { type Batch, EXPECT_NEW, type MessageLog, NEVER_READ } from "./message-log.js";
import { type HistoryLimits, parseHistoryOptions, type RedisChatMessageHistoryOptions } from "./options.js";
import { type Era, Origin } from "./origin.js";
import { StandaloneLog } from "./standalone-log.js";
import { type LeaseOptions, takeLease, type TurnLease } from "../turns/turn-lease.js";
import { acceptablePart, withinTokens, withoutTornTurn } from "../messages/window.js";

/** Node cannot build a longer command than about 512 MB; one of this size already keeps Redis busy for a while. */
const MAX_WRITE_BYTES = 134_217_728;

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

  readonly #log: MessageLog;
  readonly #limits: HistoryLimits;
  /** The clear that the latest read saw (`""`: none): an append is refused once there is another. */
  #seen: string = NEVER_READ;
  /** Between a read and the append that follows it. */
  #inTurn = false;
  /** Noted on what `getMessages()` returns: a caller that stores its whole state must not store it again. */
  #era: Era = { history: {} };

  /** @throws InvalidOptionError when an option is missing, unknown or of the wrong form. */
  constructor(options: RedisChatMessageHistoryOptions);
  /** @internal A history whose messages are kept elsewhere: in a session's conversation. */
  constructor(log: MessageLog, limits: HistoryLimits);
  constructor(from: RedisChatMessageHistoryOptions | MessageLog, limits?: HistoryLimits) {
    super(); // Without the arguments: Serializable keeps them, and would show the client to tracers.
    if (limits) {
      this.#log = from as MessageLog;
      this.#limits = limits;
    } else {
      const settings = parseHistoryOptions(from as RedisChatMessageHistoryOptions);
      this.#log = new StandaloneLog(settings);
      this.#limits = settings;
    }
  }

  /**
   * The messages, oldest first; with `window`, its newest part. One round trip.
   *
   * @throws CorruptMessageError for an entry that cannot be read, unless `onCorrupt` is `"skip"`; also when the key
   * holds another type of value.
   * @throws StoreUnavailableError when Redis did not answer within the deadline.
   */
  override async getMessages(): Promise<BaseMessage[]> {
    const messages = await this.#read(undefined);
    return this.#inWindow(messages, []);
  }

  /**
   * @internal Does what `getMessages()` does, unless the operation id has been used; in the same round trip. A
   * conversation that `maxMessages` may have cut begins with no calls: a provider wants their question.
   *
   * @param said what follows the past in this turn: results at its beginning answer calls of the last answer.
   * @throws OperationConflictError when it has.
   */
  async beginTurn(operationId: string | undefined, said: readonly BaseMessage[] = []): Promise<BaseMessage[]> {
    const messages = await this.#read(operationId);
    const { maxMessages, window } = this.#limits;
    const isCut = maxMessages > 0 && messages.length >= maxMessages;
    return window === undefined && isCut ? withoutTornTurn(messages) : this.#inWindow(messages, said);
  }

  /** Stores one message; see {@link addMessages}. */
  override addMessage(message: BaseMessage): Promise<void> {
    return this.addMessages([message]);
  }

  /**
   * Appends the messages of a turn, all or none, once, and renews the conversation's `ttl`. One round trip.
   *
   * Messages that this object's `getMessages()` returned are already stored and are left out. Those it returned before
   * its own `clear()` are refused: to store them anew, use another object.
   *
   * @throws InvalidOptionError for a value that is not a message, cannot be stored or is too large; nothing was sent.
   * @throws ConversationChangedError when `clear()` ran after this object last read; nothing was stored.
   * @throws OperationConflictError when the operation id named another write; nothing was stored.
   * @throws StorageFullError when Redis is out of memory; nothing was stored.
   * @throws StoreUnavailableError otherwise; when it is `indeterminate`, repeat with its `operationId`.
   *
   * @example
   * ```ts
   * await history.addMessages([new HumanMessage("Hi"), new AIMessage("Hello")]);
   * ```
   */
  override async addMessages(messages: BaseMessage[], options?: WriteOptions): Promise<void> {
    await this.appendTurn(messages, { operationId: operationIdOf(options) });
  }

  /** @internal The clear that the latest read saw: what `resumeTurn` needs, in whatever process. */
  get seen(): string {
    return this.#seen;
  }

  /** @internal Goes on with a turn that read before, through another object: it is fenced as if this one had read. */
  resumeTurn(seen: string): void {
    this.#seen = seen;
    this.#inTurn = true;
  }

  /** @internal As `addMessages`, by a turn that may run under a lease: ConversationBusyError when that is lost. */
  async appendTurn(messages: BaseMessage[], write: Pick<Batch, "operationId" | "lease">): Promise<void> {
    const batch = this.#batch(messages);
    if (batch.encoded.length > 0) {
      await this.#log.append({ ...batch, ...write, seen: this.#seen });
      this.#inTurn = false;
    } else if (write.lease?.after === "release") {
      // What the script would have done. A failure is not the turn's: the lease runs out by itself.
      await this.#log.release(write.lease.token).catch(() => {});
    }
  }

  /** @internal Whether they can be stored together: nothing in the messages themselves stands in the way. */
  canStore(messages: readonly BaseMessage[]): boolean {
    try {
      this.#batch(messages);
      return true;
    } catch (error) {
      if (error instanceof InvalidOptionError) return false;
      throw error;
    }
  }

  /** @internal Holds the conversation for one turn; see `takeLease` in turn-lease.ts. */
  takeLease(options: LeaseOptions): Promise<TurnLease> {
    return takeLease(this.#log, options);
  }

  /** @internal Stores the newest messages that fit, unless something is or was there; returns how many. */
  async addFirstMessages(messages: BaseMessage[]): Promise<number> {
    const batch = this.#batch(messages.slice(-(this.#limits.maxMessages || messages.length)));
    if (batch.encoded.length === 0) return 0;
    const appended = await this.#log.append({ ...batch, operationId: newOperationId(), seen: EXPECT_NEW });
    return appended ? batch.encoded.length : 0;
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
  override async clear(options?: WriteOptions): Promise<void> {
    const mark = await this.#log.clear(operationIdOf(options));
    if (!this.#inTurn && this.#seen !== NEVER_READ) this.#seen = mark;
    this.#era = { ...this.#era };
  }

  /**
   * How many messages are stored, whatever the window. One round trip.
   *
   * @throws CorruptMessageError when the key holds another type of value.
   * @throws StoreUnavailableError when Redis did not answer within the deadline.
   */
  length(): Promise<number> {
    return this.#log.length();
  }

  async #read(operationId: string | undefined): Promise<BaseMessage[]> {
    const { window } = this.#limits;
    const first = window && "messages" in window ? -window.messages : 0;
    // Of before: what is answered after a clear() may be what that removed.
    const era = this.#era;
    const { seen, entries, recorded } = await this.#log.read(first, operationId);
    if (operationId !== undefined && recorded) throw new OperationConflictError(operationId);
    this.#seen = seen;
    this.#inTurn = true;
    const messages = decodeMessages(entries, first < 0 ? -entries.length : 0, this.#limits.onCorrupt);
    for (const message of messages) Origin.note(message, era);
    return messages;
  }

  #inWindow(messages: BaseMessage[], said: readonly BaseMessage[]): BaseMessage[] | Promise<BaseMessage[]> {
    const { window } = this.#limits;
    if (window === undefined) return messages;
    return "tokens" in window ? withinTokens(messages, window, said) : acceptablePart(messages, said);
  }

  #batch(messages: readonly BaseMessage[]): Pick<Batch, "encoded" | "toolCalls"> {
    if (!Array.isArray(messages)) throw new InvalidOptionError("messages", "pass an array of LangChain messages.");
    const { maxMessages, maxMessageBytes } = this.#limits;
    const encoded: string[] = [];
    let toolCalls = 0;
    let bytes = 0;
    for (const [position, message] of messages.entries()) {
      const era = Origin.of(message);
      if (era === this.#era) continue;
      if (era?.history === this.#era.history) {
        throw new InvalidOptionError(
          `messages[${position}]`,
          "this history returned it before its clear(). To store it anew, use another RedisChatMessageHistory object.",
        );
      }
      const entry = encodeMessage(message, position);
      const size = Buffer.byteLength(entry);
      if (size > maxMessageBytes) {
        throw new InvalidOptionError(
          `messages[${position}]`,
          `it takes ${size} bytes, and maxMessageBytes is ${maxMessageBytes}. Keep large content elsewhere, or raise it.`,
        );
      }
      encoded.push(entry);
      bytes += size;
      if (AIMessage.isInstance(message)) toolCalls += message.tool_calls?.length ?? 0;
    }
    if (maxMessages > 0 && encoded.length > maxMessages) {
      throw new InvalidOptionError(
        "messages",
        `these are ${encoded.length}, and maxMessages keeps ${maxMessages}: they could not be stored whole.`,
      );
    }
    if (bytes > MAX_WRITE_BYTES) {
      throw new InvalidOptionError("messages", `together they take ${bytes} bytes; use at most 128 MiB a write.`);
    }
    return { encoded, toolCalls };
  }
}
