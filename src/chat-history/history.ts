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
 * Returns the conversation that a history of this package has open, also of another copy of it; `undefined` for any other
 * value.
 *
 * @throws InvalidOptionError for a history of a copy that this one does not fit.
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
 * - After `clear()`, an append by an object that read before it is refused. Make one object for each turn, as
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

  readonly #conversation: OpenConversation;

  /** @throws InvalidOptionError when an option is missing, unknown or of the wrong form. */
  constructor(options: RedisChatMessageHistoryOptions);
  /** @internal Makes a history whose messages are kept elsewhere: in a session's conversation. */
  constructor(log: MessageLog, limits: HistoryLimits);
  constructor(from: RedisChatMessageHistoryOptions | MessageLog, limits?: HistoryLimits) {
    super(); // Serializable would keep the arguments, and show the client to tracers.
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
   * Returns the messages, oldest first, or their newest part when there is a `window`. One round trip.
   *
   * @throws CorruptMessageError for an entry that cannot be read, unless `onCorrupt` is `"skip"`; also when the key
   * holds another type of value.
   * @throws StoreUnavailableError when Redis did not answer within the deadline.
   */
  override getMessages(): Promise<BaseMessage[]> {
    return this.#conversation.read();
  }

  /** Stores one message; see {@link addMessages}. */
  override addMessage(message: BaseMessage): Promise<void> {
    return this.addMessages([message]);
  }

  /**
   * Appends the messages of a turn, all or none, once, and renews the conversation's `ttl`. One round trip.
   *
   * Messages that this object's `getMessages()` returned are already stored, so they are left out. Messages that it
   * returned before its own `clear()` are refused: to store them anew, use another object.
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
    const operationId = operationIdOf(options);
    await this.#conversation.append(this.#conversation.encode(messages), { operationId });
  }

  /**
   * Ends the conversation: removes its messages, and refuses appends of turns that read them before. One round trip.
   *
   * This object itself may go on appending, unless it has read and not yet appended. Then it has a turn in flight, which
   * is refused like any other until the next `getMessages()`. A clear is remembered for a day.
   *
   * @throws CorruptMessageError when the key holds another type of value, which is left alone.
   * @throws OperationConflictError when the operation id named another write; nothing was removed.
   * @throws StoreUnavailableError otherwise; when it is `indeterminate`, repeat with its `operationId`.
   */
  override async clear(options?: WriteOptions): Promise<void> {
    await this.#conversation.clear(operationIdOf(options));
  }

  /**
   * Returns how many messages are stored, whatever the window. One round trip.
   *
   * @throws CorruptMessageError when the key holds another type of value.
   * @throws StoreUnavailableError when Redis did not answer within the deadline.
   */
  length(): Promise<number> {
    return this.#conversation.log.length();
  }
}
