import { randomUUID } from "node:crypto";
import * as z from "../options/schema.js";
import { idSchema, validate } from "../options/validation.js";
import { once } from "../options/once.js";

/**
 * How long Redis remembers an operation id. Within this time, it is safe to repeat a write. By default, ioredis 6 stops
 * resending after about 73 seconds, so its own resends fall well inside this time.
 */
export const OPERATION_WINDOW_MILLISECONDS = 120_000;

/**
 * How long a clear or a removal is remembered. It keeps turns that began before the clear from writing back, if they
 * are younger than this. The time is longer than any turn of a chat, and bounded so that clearing an id does not leave
 * a key for ever.
 */
export const CLEAR_REMEMBERED_MILLISECONDS = 86_400_000;

export function newOperationId(): string {
  return randomUUID();
}

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
   * Names the write, so that repeating it within two minutes has no second effect. Any non-empty, well-formed string of
   * at most 1 KiB. The same id with other content throws OperationConflictError.
   * @default a random id
   */
  operationId?: string | undefined;
}

/** The schemas of the options of a write. */
export const writeShape: () => { operationId: z.ZodOptional<z.ZodType<string, unknown>> } = once(() => ({
  operationId: z.optional(idSchema()),
}));
const writeSchema = once(() => z.strictObject(writeShape(), "pass an object, such as { operationId }"));

/**
 * Returns the operation id that the caller chose, or a new one.
 *
 * @throws InvalidOptionError when the operation id is not a non-empty, well-formed string of at most 1 KiB.
 */
export function operationIdOf(options: WriteOptions | undefined): string {
  return options === undefined
    ? newOperationId()
    : (validate(writeSchema(), "options", options).operationId ?? newOperationId());
}
