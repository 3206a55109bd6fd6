import { LangChainRedisError } from "./langchain-redis-error.js";

/**
 * Thrown when the operation id was used before, either for another write or for this turn. The first write stands, and
 * this call stored nothing.
 *
 * @remedy If you repeated a request, show what is stored. For a new write, use a new `operationId`.
 */
export class OperationConflictError extends LangChainRedisError {
  override readonly name = "OperationConflictError";
  override readonly code = "OPERATION_CONFLICT";
  /** The operation id that was used twice. */
  readonly operationId: string;

  constructor(operationId: string) {
    super("This operation id was used before, and the first write stands. Use a new id for a new write.");
    this.operationId = operationId;
  }
}

/**
 * Thrown when Redis could not be reached, did not answer within the deadline, or refused the command.
 *
 * Also thrown when the server is older than Redis 7.0. The message then says so, nothing was written, and repeating the
 * call does not help.
 *
 * @remedy Repeat the call. Repeat a write with the same content and `operationId`: it is stored once, whichever attempt
 * got through. If the message names an old server, upgrade it.
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
   * `true` if the write may or may not have taken effect. Repeat the write with the same content and `operationId`:
   * within two minutes after a write takes effect, Redis does not apply it again. `false` if nothing was stored.
   */
  readonly indeterminate: boolean;
  /**
   * The operation id of the write. `undefined` for a read, and for `eraseUser`, `endEverybody` and the writes of a
   * `RedisStore`, which you can repeat without one.
   */
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
 * Thrown when a write took effect on the primary, but fewer replicas than required acknowledged it within the `timeout`
 * of the `wait` option. The write is not undone, and a failover may lose it.
 *
 * @remedy Repeat the write with the same content and `operationId`: the call writes nothing twice, and waits for the
 * replicas again.
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
  /** The number of replicas that have the write. */
  readonly replicas: number;
  /** The number of replicas that the `wait` option requires. */
  readonly wanted: number;
  /**
   * The operation id of the write. `undefined` for `eraseUser`, `endEverybody` and the writes of a `RedisStore`, which you
   * can repeat without one.
   */
  readonly operationId: string | undefined;

  constructor(details: { replicas: number; wanted: number; operationId?: string | undefined }) {
    const { replicas, wanted, operationId } = details;
    const repeat = operationId === undefined ? "Repeat it" : "Repeat it with the same operationId";
    super(
      `The write took effect, but only ${replicas} of ${wanted} replicas have it. A failover may lose it. ${repeat}.`,
    );
    this.replicas = replicas;
    this.wanted = wanted;
    this.operationId = operationId;
  }
}

/**
 * Thrown when Redis has reached `maxmemory` and could not evict enough keys. Nothing was stored.
 *
 * @remedy Raise `maxmemory`, shorten the `ttl`, or set `maxMessages`. Then repeat the write.
 */
export class StorageFullError extends LangChainRedisError {
  override readonly name = "StorageFullError";
  override readonly code = "STORAGE_FULL";

  constructor() {
    super("Redis is out of memory and refused the write; nothing was stored. Raise maxmemory or free memory.");
  }
}
