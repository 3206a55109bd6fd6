import type { RedisClient } from "../client.js";
import { CorruptMessageError, SessionError, StorageFullError, StoreUnavailableError } from "../errors.js";
import { UnexpectedReply } from "./replies.js";

/** The upper-case first word of a reply in which Redis refused a command; absent when no such reply arrived. */
export function refusalCode(error: unknown): string | undefined {
  return error instanceof Error ? /^([A-Z][A-Z0-9_]*)(?: |$)/.exec(error.message)?.[1] : undefined;
}

export interface Circumstances {
  readonly client: RedisClient;
  /** Absent for a read. */
  readonly operationId?: string | undefined;
  /** Whether the write, although an error came back, may have taken effect. */
  readonly indeterminate: boolean;
}

/**
 * Turns what ioredis threw into an error of ours. The original is never passed on: ioredis puts the command's
 * arguments, and so the messages, on it. What remains of it is a code or a class name.
 */
export function toSessionError(error: unknown, { client, operationId, indeterminate }: Circumstances): SessionError {
  if (error instanceof SessionError) return error;
  const code = refusalCode(error);
  if (code === "WRONGTYPE") {
    return new CorruptMessageError("A key holds another type of value than belongs there; it was left alone.");
  }
  if (code === "OOM" && !indeterminate) return new StorageFullError();
  const cause = new Error(code === undefined ? nameOf(error) : `Redis replied ${code}`);
  const what = describe(error, code);
  return new StoreUnavailableError(`${what}; ${stateOf(client)}.${advice(operationId, indeterminate)}`, {
    indeterminate,
    operationId,
    cause,
  });
}

export function deadlineError(
  milliseconds: number,
  { client, operationId, indeterminate }: Circumstances,
): StoreUnavailableError {
  return new StoreUnavailableError(
    `Redis did not answer within ${milliseconds} ms; ${stateOf(client)}.${advice(operationId, indeterminate)}`,
    { indeterminate, operationId },
  );
}

function describe(error: unknown, code: string | undefined): string {
  if (code === "NOAUTH") return "Redis refused the command (NOAUTH): the user and password of the client are missing";
  if (code !== undefined) return `Redis refused the command (${code})`;
  return error instanceof UnexpectedReply
    ? "The reply is none that the command has (is the client inside MULTI?)"
    : 'Redis could not be reached (the client\'s "error" event says why)';
}

function stateOf({ status }: RedisClient): string {
  return status === "end" ? "the client is closed" : `the client's status is "${status}"`;
}

function advice(operationId: string | undefined, indeterminate: boolean): string {
  if (operationId === undefined) return indeterminate ? " How much was done is unknown: repeat it." : "";
  return indeterminate
    ? " Whether the write took effect is unknown: repeat it with the same operationId."
    : " Nothing was written.";
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown failure";
  return "code" in error && typeof error.code === "string" ? `${error.name} ${error.code}` : error.name;
}
