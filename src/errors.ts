/**
 * The base of every error that this library throws on purpose.
 *
 * `code` is stable across versions: branch on it, or on the class, never on `message`.
 * No error of this family carries message contents or secrets, at any depth of `cause`.
 *
 * @example
 * ```ts
 * try {
 *   await history.addMessages(turn);
 * } catch (error) {
 *   if (error instanceof SessionError) logger.warn({ code: error.code }, error.message);
 * }
 * ```
 */
export abstract class SessionError extends Error {
  override name = "SessionError";
  /** A stable identifier of the kind of error, in upper snake case. */
  abstract readonly code: string;
}

/** A constructor option, an id or a value that cannot be used. The message says how to fix it; nothing was sent. */
export class InvalidOptionError extends SessionError {
  override readonly name = "InvalidOptionError";
  override readonly code = "INVALID_OPTION";
  /** The option or argument at fault, for example `"ttl"` or `"messages[2]"`. */
  readonly option: string;

  constructor(option: string, message: string) {
    super(`${option}: ${message}`);
    this.option = option;
  }
}

/**
 * `clear()` ran after this history object last read the conversation, so the turn it wanted to append belongs to a
 * conversation that has ended. Nothing was stored. Read again with `getMessages()` to go on with the new, empty one.
 */
export class ConversationChangedError extends SessionError {
  override readonly name = "ConversationChangedError";
  override readonly code = "CONVERSATION_CHANGED";

  constructor() {
    super(
      "The conversation was cleared after it was last read here; the turn was not stored. Call getMessages() and try again.",
    );
  }
}

/** The operation id was used before for another write. Nothing was stored now; what the first write did stands. */
export class OperationConflictError extends SessionError {
  override readonly name = "OperationConflictError";
  override readonly code = "OPERATION_CONFLICT";
  /** The operation id that was used twice. */
  readonly operationId: string;

  constructor(operationId: string) {
    super("This operation id was used before with other content. Use a new id for a new write.");
    this.operationId = operationId;
  }
}

/** Redis could not be reached, did not answer within the deadline, or refused the command. */
export class StoreUnavailableError extends SessionError {
  override readonly name = "StoreUnavailableError";
  override readonly code = "STORE_UNAVAILABLE";
  /**
   * `true`: a write may or may not have taken effect. Repeat it with the same content and `operationId`: within two
   * minutes of its taking effect it is never applied twice. `false`: nothing was written.
   */
  readonly indeterminate: boolean;
  /** The operation id of the write, absent for a read. */
  readonly operationId: string | undefined;

  constructor(
    message: string,
    details: { indeterminate: boolean; operationId?: string | undefined; cause?: Error | undefined },
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.indeterminate = details.indeterminate;
    this.operationId = details.operationId;
  }
}

/** Redis is out of memory (`maxmemory`) and evicts nothing that would help. Nothing was stored. */
export class StorageFullError extends SessionError {
  override readonly name = "StorageFullError";
  override readonly code = "STORAGE_FULL";

  constructor() {
    super("Redis is out of memory and refused the write; nothing was stored. Raise maxmemory or free memory.");
  }
}

/** What is stored is not what this library wrote: a damaged entry, an unknown format version, a key of another type. */
export class CorruptMessageError extends SessionError {
  override readonly name = "CorruptMessageError";
  override readonly code = "CORRUPT_MESSAGE";
  /** Position of the entry in the Redis list, as `LINDEX` counts; absent when the whole key is at fault. */
  readonly index: number | undefined;

  constructor(reason: string, index?: number) {
    super(index === undefined ? reason : `The entry at list index ${index} cannot be read: ${reason}`);
    this.index = index;
  }
}
