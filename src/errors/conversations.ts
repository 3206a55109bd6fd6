import { LangChainRedisError } from "./langchain-redis-error.js";

/**
 * Thrown when the conversation does not exist, has no messages yet, has expired, or belongs to another owner or agent.
 * The error does not reveal which of these applies.
 */
export class ConversationNotFoundError extends LangChainRedisError {
  override readonly name = "ConversationNotFoundError";
  override readonly code = "CONVERSATION_NOT_FOUND";

  constructor() {
    super("There is no such conversation.");
  }
}

/**
 * Thrown when the conversation was cleared, deleted or erased after this history object last read it. The turn answers
 * messages that no longer exist, so nothing was stored. To continue with the empty conversation, call `getMessages()`
 * and run the turn again.
 */
export class ConversationChangedError extends LangChainRedisError {
  override readonly name = "ConversationChangedError";
  override readonly code = "CONVERSATION_CHANGED";

  constructor() {
    super(
      "The conversation was cleared after this history last read it, so the turn was not stored. " +
        "Call getMessages() and try again.",
    );
  }
}

/**
 * Thrown when Redis holds something that this library did not write: a damaged entry, an unknown format version, or a
 * key of another Redis type.
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
