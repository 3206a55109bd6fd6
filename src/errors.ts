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

/** A token that was never issued: mistyped, cut short or made up. Redis was not asked. */
export class InvalidTokenError extends SessionError {
  override readonly name = "InvalidTokenError";
  override readonly code = "INVALID_TOKEN";

  constructor() {
    super("This is not a session token. Sign in again to get one.");
  }
}

/** Why a session is no longer live: signed out, pushed out by the limit, timed out, or under a newer token. */
export type SessionEndReason = "ended" | "evicted" | "expired" | "rotated";

/** The session is unknown, has expired or was ended. */
export class SessionNotFoundError extends SessionError {
  override readonly name = "SessionNotFoundError";
  override readonly code = "SESSION_NOT_FOUND";
  /** Why it is no longer live; known for 60 seconds after its end, and absent afterwards. */
  readonly reason: SessionEndReason | undefined;

  constructor(reason?: SessionEndReason) {
    super(reason === undefined ? "There is no such session." : `The session is no longer live: ${reason}.`);
    this.reason = reason;
  }
}

/** The token is good, but for another user, organisation, agent or address than expected. Nothing was extended. */
export class SessionMismatchError extends SessionError {
  override readonly name = "SessionMismatchError";
  override readonly code = "SESSION_MISMATCH";

  constructor() {
    super("The session is not one of this user, organisation, agent or address.");
  }
}

/** The user has as many live sessions as allowed, and `atLimit` is `"reject"`. Nothing was created. */
export class SessionLimitError extends SessionError {
  override readonly name = "SessionLimitError";
  override readonly code = "SESSION_LIMIT";
  /** How many live sessions a user may have. */
  readonly limit: number;

  constructor(limit: number) {
    super(`The user has ${limit} live sessions, which is the limit. End one first.`);
    this.limit = limit;
  }
}

/**
 * Turns of one conversation run one after another, and this one could not: another has it (`reason: "taken"`), or this
 * one held it and no longer does (`reason: "lost"`). Nothing was stored.
 */
export class SessionBusyError extends SessionError {
  override readonly name = "SessionBusyError";
  override readonly code = "SESSION_BUSY";
  /**
   * `"taken"`: another turn was running; nothing was begun. `"lost"`: the lease was not renewed in time, because Redis
   * was away or this process stood still, so that another turn may have run since the conversation was read.
   */
  readonly reason: "taken" | "lost";

  constructor(reason: "taken" | "lost") {
    super(
      reason === "taken"
        ? "Another turn of this conversation is running. Try again when it is over."
        : "The turn lost its lease on the conversation, which others may have changed since; it was not stored.",
    );
    this.reason = reason;
  }
}

/** The conversation is unknown, has expired, or is not this user's with this agent; which of these is not told. */
export class ConversationNotFoundError extends SessionError {
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
export class ConversationChangedError extends SessionError {
  override readonly name = "ConversationChangedError";
  override readonly code = "CONVERSATION_CHANGED";

  constructor() {
    super(
      "The conversation was cleared after it was last read here; the turn was not stored. Call getMessages() and try again.",
    );
  }
}

/** The operation id was used before: for another write, or for this turn. Nothing was stored now; what the first write did stands. */
export class OperationConflictError extends SessionError {
  override readonly name = "OperationConflictError";
  override readonly code = "OPERATION_CONFLICT";
  /** The operation id that was used twice. */
  readonly operationId: string;

  constructor(operationId: string) {
    super("This operation id was used before; what was written then stands. Use a new id for a new write.");
    this.operationId = operationId;
  }
}

/**
 * Redis could not be reached, did not answer within the deadline, or refused the command.
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (!(error instanceof StoreUnavailableError && error.indeterminate)) throw error;
 *   await history.addMessages(turn, { operationId: error.operationId }); // stored once, whichever attempt got through
 * }
 * ```
 */
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

/**
 * The write took effect on the primary, and within the `timeout` of the option `wait` fewer replicas had it than asked
 * for: a failover may lose it. It is not undone. Repeating it with the same content and `operationId` writes nothing
 * twice, and waits again.
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (!(error instanceof NotReplicatedError)) throw error;
 *   await history.addMessages(turn, { operationId: error.operationId }); // resolves once enough replicas have it
 * }
 * ```
 */
export class NotReplicatedError extends SessionError {
  override readonly name = "NotReplicatedError";
  override readonly code = "NOT_REPLICATED";
  /** How many replicas have the write. */
  readonly replicas: number;
  /** How many were asked for. */
  readonly wanted: number;
  /** The operation id of the write; absent for `eraseUser`, which is safe to repeat without. */
  readonly operationId: string | undefined;

  constructor(details: { replicas: number; wanted: number; operationId?: string | undefined }) {
    const { replicas, wanted, operationId } = details;
    const repeat = operationId === undefined ? "Repeat it" : "Repeat it with the same operationId";
    super(`The write took effect, and ${replicas} of ${wanted} replicas have it: a failover may lose it. ${repeat}.`);
    this.replicas = replicas;
    this.wanted = wanted;
    this.operationId = operationId;
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

/**
 * The turn was answered, and could not be stored. Nothing of it is lost: the answer is in `output`, and `retry()`
 * stores the same turn, once, also when the failed attempt went through after all. `cause` tells what stood in the way.
 *
 * A retry can succeed as long as its operation id is remembered (two minutes) and, with `concurrency` `"wait"` or
 * `"reject"`, its lease lasts. With a history of another library it may store the turn twice.
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (!(error instanceof TurnNotStoredError)) throw error;
 *   reply(error.output);
 *   await error.retry();
 * }
 * ```
 */
export class TurnNotStoredError extends SessionError {
  override readonly name = "TurnNotStoredError";
  override readonly code = "TURN_NOT_STORED";
  /** What the runnable, chain or agent answered. Not enumerable, so that loggers leave it out. */
  declare readonly output: unknown;
  /** The operation id of the turn. */
  readonly operationId: string;
  readonly #retry: () => Promise<void>;

  constructor(details: { output: unknown; operationId: string; retry: () => Promise<void>; cause: Error }) {
    super(`The turn was not stored (${details.cause.message}) The answer is in output; retry() stores the turn once.`, {
      cause: details.cause,
    });
    Object.defineProperty(this, "output", { value: details.output, enumerable: false });
    this.operationId = details.operationId;
    this.#retry = details.retry;
  }

  /**
   * Stores the same turn under the same operation id.
   *
   * @throws TurnNotStoredError when that fails again.
   */
  async retry(): Promise<void> {
    await this.#retry();
  }
}

/** Which limit of an agent memory: writes a UTC day, bytes of all keys and values, bytes of one value, number of keys. */
export type Quota = "writesPerDay" | "storageBytes" | "valueBytes" | "keys";

/** A write to agent memory would go beyond one of its `limits`. Nothing was changed. */
export class QuotaExceededError extends SessionError {
  override readonly name = "QuotaExceededError";
  override readonly code = "QUOTA_EXCEEDED";
  /** The limit in question. */
  readonly quota: Quota;
  /** How much is used now; for `valueBytes`, the size of the value that was refused. */
  readonly usage: number;
  readonly limit: number;
  /** In how many seconds the count starts anew (`writesPerDay`: at midnight UTC); absent where waiting does not help. */
  readonly retryAfter: number | undefined;

  constructor(details: { quota: Quota; usage: number; limit: number; retryAfter?: number | undefined }) {
    const { quota, usage, limit, retryAfter } = details;
    const advice = retryAfter === undefined ? "Make room, or raise the limit." : `Try again in ${retryAfter} seconds.`;
    super(`The write exceeds ${quota}: ${usage} used, ${limit} allowed. ${advice}`);
    this.quota = quota;
    this.usage = usage;
    this.limit = limit;
    this.retryAfter = retryAfter;
  }
}

/** Somebody else changed the value: it does not have the version that was expected. Nothing was changed. */
export class VersionConflictError extends SessionError {
  override readonly name = "VersionConflictError";
  override readonly code = "VERSION_CONFLICT";
  readonly key: string;
  /** The version that is stored; 0 when there is no such key. */
  readonly version: number;

  constructor(key: string, version: number) {
    super(`${JSON.stringify(key)} has another version than expected. Read it again, then decide; or use update().`);
    this.key = key;
    this.version = version;
  }
}

/**
 * The stored value is not what the call needs: it does not fit the schema, is no whole number, no array. It was left as
 * it is. The error holds nothing of it but the paths at fault.
 */
export class ValueMismatchError extends SessionError {
  override readonly name = "ValueMismatchError";
  override readonly code = "VALUE_MISMATCH";
  readonly key: string;
  /** Where in the value, for example `"items[2].price"`; empty when it is the value itself. */
  readonly paths: readonly string[];

  constructor(key: string, reason: string, paths: readonly string[] = []) {
    super(`The value of ${JSON.stringify(key)} ${reason}${paths.length > 0 ? ` at ${paths.join(", ")}` : ""}.`);
    this.key = key;
    this.paths = paths;
  }
}
