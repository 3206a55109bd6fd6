import { LangChainRedisError } from "./langchain-redis-error.js";

/**
 * Thrown when the conversation does not exist, has no messages yet, has expired, or belongs to another owner or agent.
 * The error does not reveal which of these applies.
 *
 * @remedy Show an empty conversation, or open a new one.
 */
export class ConversationNotFoundError extends LangChainRedisError {
  override readonly name = "ConversationNotFoundError";
  override readonly code = "CONVERSATION_NOT_FOUND";

  constructor() {
    super("There is no such conversation for this owner and agent. It may have expired, or have no messages yet.");
  }
}

/**
 * Thrown when the conversation was cleared, deleted, erased, rewound or edited after this history object last read it.
 * The turn may answer messages that no longer exist, so nothing was stored. A turn that replaces messages is refused
 * after any change of the conversation.
 *
 * @remedy Call `getMessages()`, decide whether the turn still fits, and run it again.
 */
export class ConversationChangedError extends LangChainRedisError {
  override readonly name = "ConversationChangedError";
  override readonly code = "CONVERSATION_CHANGED";

  constructor() {
    super(
      "The conversation was cleared or edited after this history last read it, so the turn was not stored. " +
        "Call getMessages() and try again.",
    );
  }
}

/**
 * Thrown when a position does not name a message of the conversation: the message was removed or was trimmed by
 * `maxMessages`, or the position belongs to another conversation. Nothing was changed.
 *
 * @remedy Read the messages again to get their current positions.
 */
export class PositionNotFoundError extends LangChainRedisError {
  override readonly name = "PositionNotFoundError";
  override readonly code = "POSITION_NOT_FOUND";

  constructor() {
    super("The conversation has no message at this position. Read its messages again to get their current positions.");
  }
}

/**
 * Thrown when a fork or an import exceeds 10,000 messages or 16 MiB. One script stores all of it, and a longer script
 * would keep Redis from serving others. Nothing was changed.
 *
 * @remedy Fork at an earlier message, or import fewer messages.
 */
export class ConversationTooLargeError extends LangChainRedisError {
  override readonly name = "ConversationTooLargeError";
  override readonly code = "CONVERSATION_TOO_LARGE";

  constructor() {
    super(
      "A fork or an import takes up to 10,000 messages and 16 MiB. Fork at an earlier message, or import fewer messages.",
    );
  }
}

/**
 * Thrown when an import would write over another conversation: the owner already has a conversation with this id, and
 * it belongs to another agent or has other messages. Nothing was changed.
 *
 * @remedy To keep both, import with `id: "new"`. To replace the stored one, delete it first.
 */
export class ConversationExistsError extends LangChainRedisError {
  override readonly name = "ConversationExistsError";
  override readonly code = "CONVERSATION_EXISTS";

  constructor() {
    super(
      "The owner already has another conversation with this id, so nothing was imported. " +
        'Import with id: "new", or delete the stored conversation first.',
    );
  }
}

/**
 * Thrown when Redis holds something that this library did not write: a damaged entry, an unknown format version, or a
 * key of another Redis type.
 *
 * @remedy Look at the entry `index` with `LINDEX`, or set `onCorrupt: "skip"`.
 */
export class CorruptMessageError extends LangChainRedisError {
  override readonly name = "CorruptMessageError";
  override readonly code = "CORRUPT_MESSAGE";
  /** The index of the entry in the Redis list, as for `LINDEX`. `undefined` if no single list entry is at fault. */
  readonly index: number | undefined;

  constructor(reason: string, index?: number) {
    super(index === undefined ? reason : `The entry at list index ${index} cannot be read: ${reason}`);
    this.index = index;
  }
}
