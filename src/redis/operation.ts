import { hash, randomUUID } from "node:crypto";
import { z } from "zod";
import { idSchema, validate } from "../options/validation.js";

/**
 * How long Redis remembers an operation id: the window in which repeating a write is harmless. ioredis 6 gives up
 * resending after about 73 seconds by default, so its own resends fall well inside.
 */
export const OPERATION_WINDOW_MILLISECONDS = 120_000;

/**
 * How long a clear or a removal is remembered, and so how old a turn may be that it still keeps from writing back.
 * Longer than any turn of a chat; bounded, so that clearing an id does not leave a key for ever.
 */
export const CLEAR_REMEMBERED_MILLISECONDS = 86_400_000;

export function newOperationId(): string {
  return randomUUID();
}

/** Tells writes under one operation id apart. 128 bits: an accident, not an attacker, is what it guards against. */
export function digestOf(...parts: readonly string[]): string {
  const text = parts.map((part) => `${part.length}:${part}`).join("");
  return hash("sha256", text, "base64url").slice(0, 22);
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
   * Names the write, so that repeating it within two minutes has no second effect: any non-empty well-formed string
   * of up to 1 KiB. Absent, one is made. The same id with other content is an `OperationConflictError`.
   */
  operationId?: string | undefined;
}

const writeSchema = z.strictObject({ operationId: idSchema.optional() }, "pass an object, such as { operationId }");

/**
 * Returns the operation id that the caller chose, or makes one.
 *
 * @throws InvalidOptionError for an operation id that is no non-empty well-formed string of up to 1 KiB.
 */
export function operationIdOf(options: WriteOptions | undefined): string {
  return options === undefined
    ? newOperationId()
    : (validate(writeSchema, "options", options).operationId ?? newOperationId());
}
