import { LangChainRedisError } from "./langchain-redis-error.js";

/** The operation id was used before: for another write, or for this turn. Nothing was stored now; what the first write did stands. */
export class OperationConflictError extends LangChainRedisError {
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
 * Redis could not be reached, did not answer within the deadline, refused the command, or is older than 7.0, which its
 * message says: then nothing was written, and no repetition helps.
 *
 * @example
 * ```ts
 * catch (error) {
 *   if (!(error instanceof StoreUnavailableError && error.indeterminate)) throw error;
 *   await history.addMessages(turn, { operationId: error.operationId }); // stored once, whichever attempt got through
 * }
 * ```
 */
export class StoreUnavailableError extends LangChainRedisError {
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
export class NotReplicatedError extends LangChainRedisError {
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
export class StorageFullError extends LangChainRedisError {
  override readonly name = "StorageFullError";
  override readonly code = "STORAGE_FULL";

  constructor() {
    super("Redis is out of memory and refused the write; nothing was stored. Raise maxmemory or free memory.");
  }
}
