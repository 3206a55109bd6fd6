import { LangChainRedisError } from "./langchain-redis-error.js";

/** The conversation is unknown, has expired, or is not this user's with this agent; which of these is not told. */
export class ConversationNotFoundError extends LangChainRedisError {
  override readonly name = "ConversationNotFoundError";
  override readonly code = "CONVERSATION_NOT_FOUND";

  constructor() {
    super("There is no such conversation.");
  }
}

/**
 * `clear()` ran after this history object last read the conversation, so the turn it wanted to append belongs to a
 * conversation that has ended. Nothing was stored. Read again with `getMessages()` to go on with the new, empty one.
 */
export class ConversationChangedError extends LangChainRedisError {
  override readonly name = "ConversationChangedError";
  override readonly code = "CONVERSATION_CHANGED";

  constructor() {
    super(
      "The conversation was cleared after it was last read here; the turn was not stored. Call getMessages() and try again.",
    );
  }
}

/** What is stored is not what this library wrote: a damaged entry, an unknown format version, a key of another type. */
export class CorruptMessageError extends LangChainRedisError {
  override readonly name = "CorruptMessageError";
  override readonly code = "CORRUPT_MESSAGE";
  /** Position of the entry in the Redis list, as `LINDEX` counts; absent when the whole key is at fault. */
  readonly index: number | undefined;

  constructor(reason: string, index?: number) {
    super(index === undefined ? reason : `The entry at list index ${index} cannot be read: ${reason}`);
    this.index = index;
  }
}
