import { BaseListChatMessageHistory } from "@langchain/core/chat_history";
import type { BaseMessage } from "@langchain/core/messages";
import { isObject } from "../codec/json.js";
import { InvalidOptionError } from "../errors.js";
import { conversationMark, otherVersion, PROTOCOL } from "../options/copies.js";
import { operationIdOf, type WriteOptions } from "../redis/operation.js";
import type { MessageLog } from "./message-log.js";
import { OpenConversation } from "./open-conversation.js";
import { type HistoryLimits, parseHistoryOptions, type RedisChatMessageHistoryOptions } from "./options.js";
import { StandaloneLog } from "./standalone-log.js";

/**
 * Returns the open conversation of a history of this package, or of another copy of it. Returns `undefined` for any other
 * value.
 *
 * @throws InvalidOptionError for a history of an incompatible copy.
 */
export function conversationOf(history: RedisChatMessageHistory): OpenConversation;
export function conversationOf(history: unknown): OpenConversation | undefined;
export function conversationOf(history: unknown): OpenConversation | undefined {
  const found = isObject(history) ? (history as Partial<RedisChatMessageHistory>)[conversationMark] : undefined;
  if (found !== undefined && found.protocol !== PROTOCOL) throw new InvalidOptionError("history", `${otherVersion}.`);
  return found;
}

/**
 * A conversation's messages in a Redis list: a LangChain chat history whose `addMessages` stores a turn once and
 * whole, or throws.
 *
 * - Each append is one script and one round trip. It stores all messages, their expiry and the operation id, or nothing.
 * - Each call settles within `deadline`. A failure is a typed error (see the members).
 * - After a `clear()`, an append by an object that had read the conversation before is refused. Make one object for each
 *   turn, as `RunnableWithMessageHistory` does, because an object cannot always distinguish the turns that share it.
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

  readonly #conversation: OpenConversation;

  /** @throws InvalidOptionError if an option is missing, unknown or invalid. */
  constructor(options: RedisChatMessageHistoryOptions);
  /** @internal Creates the history of a session's conversation. */
  constructor(log: MessageLog, limits: HistoryLimits);
  constructor(from: RedisChatMessageHistoryOptions | MessageLog, limits?: HistoryLimits) {
    super(); // Pass no arguments: Serializable would keep them, and show the client to tracers.
    if (limits) {
      this.#conversation = new OpenConversation(from as MessageLog, limits);
    } else {
      const settings = parseHistoryOptions(from as RedisChatMessageHistoryOptions);
      this.#conversation = new OpenConversation(new StandaloneLog(settings), settings);
    }
  }

  /** @internal For `conversationOf`. */
  get [conversationMark](): OpenConversation {
    return this.#conversation;
  }

  /**
   * Returns the messages, oldest first. With a `window`, returns their newest part. Takes one round trip.
   *
   * @throws CorruptMessageError for an entry that cannot be read, unless `onCorrupt` is `"skip"`. Also if the key has another
   * type of value.
   * @throws StoreUnavailableError if Redis did not answer within `deadline`.
   *
   * @example
   * ```ts
   * const messages = await history.getMessages();
   * ```
   */
  override getMessages(): Promise<BaseMessage[]> {
    return this.#conversation.read();
  }

  /** Stores one message. See {@link addMessages}. */
  override addMessage(message: BaseMessage): Promise<void> {
    return this.addMessages([message]);
  }

  /**
   * Appends the messages of a turn once, all or none, and renews the conversation's `ttl`. Takes one round trip.
   *
   * Messages that this object's `getMessages()` returned are already stored, so they are left out. Messages that it
   * returned before its own `clear()` are refused. To store them anew, use another object.
   *
   * @throws InvalidOptionError for a value that is not a message, cannot be stored or is too large. Nothing was sent.
   * @throws ConversationChangedError if the conversation was cleared after this object last read it. Nothing was stored.
   * @throws OperationConflictError if another write had this `operationId`. Nothing was stored.
   * @throws StorageFullError if Redis is out of memory. Nothing was stored.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
   *
   * @example
   * ```ts
   * await history.addMessages([new HumanMessage("Hi"), new AIMessage("Hello")]);
   * ```
   */
  override async addMessages(messages: BaseMessage[], options?: WriteOptions): Promise<void> {
    const operationId = operationIdOf(options);
    await this.#conversation.append(this.#conversation.encode(messages), { operationId });
  }

  /**
   * Ends the conversation: removes its messages, and refuses appends of turns that have read them. Takes one round trip.
   *
   * This object can append afterwards, unless it has read and not yet appended. Then it has a turn in flight, whose append
   * is refused until the next `getMessages()`. Redis remembers a clear for a day.
   *
   * @throws CorruptMessageError if the key has another type of value, which is left alone.
   * @throws OperationConflictError if another write had this `operationId`. Nothing was removed.
   * @throws StoreUnavailableError otherwise. If it is `indeterminate`, repeat the call with its `operationId`.
   */
  override async clear(options?: WriteOptions): Promise<void> {
    await this.#conversation.clear(operationIdOf(options));
  }

  /**
   * Returns the number of stored messages, including those outside the `window`. Takes one round trip.
   *
   * @throws CorruptMessageError if the key has another type of value.
   * @throws StoreUnavailableError if Redis did not answer within `deadline`.
   */
  length(): Promise<number> {
    return this.#conversation.log.length();
  }
}
