import { newOperationId } from "../redis/operation.js";
import { parseWriteOptions } from "./options.js";

/**
 * Options of one write.
 *
 * @example
 * ```ts
 * await history.addMessages(turn, { operationId: request.headers["idempotency-key"] });
 * ```
 */
export interface WriteOptions {
  /**
   * Names the write, so that repeating it within two minutes has no second effect: any non-empty well-formed string
   * of up to 1 KiB. Absent, one is made. The same id with other content is an `OperationConflictError`.
   */
  operationId?: string | undefined;
}

export function operationIdOf(options: WriteOptions | undefined): string {
  return options === undefined ? newOperationId() : (parseWriteOptions(options).operationId ?? newOperationId());
}
