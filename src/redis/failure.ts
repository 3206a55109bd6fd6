import type { RedisClient } from "./client.js";
import { CorruptMessageError, LangChainRedisError, StorageFullError, StoreUnavailableError } from "../errors.js";
import { text, UnexpectedReply } from "./replies.js";

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
export function toLibraryError(
  error: unknown,
  { client, operationId, indeterminate }: Circumstances,
): LangChainRedisError {
  if (error instanceof LangChainRedisError) return error;
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

/**
 * The same, after a script: one that does not compile was refused by a server before 7.0, which does not know its first
 * line. Such a server has never run a script of ours, so nothing was written.
 */
export async function toScriptError(
  error: unknown,
  { client, operationId }: Pick<Circumstances, "client" | "operationId">,
  isIndeterminate: () => boolean | Promise<boolean>,
): Promise<LangChainRedisError> {
  const version = await versionBefore7(error, client);
  if (version === undefined) {
    return toLibraryError(error, { client, operationId, indeterminate: await isIndeterminate() });
  }
  return new StoreUnavailableError(
    `The server is Redis ${version}, and Redis 7.0 or Valkey 7.2 is needed, or a later version. Nothing was written.`,
    { indeterminate: false, operationId },
  );
}

/** What a server that could not compile a script says its version is. Asked on this way to an error only. */
async function versionBefore7(error: unknown, client: RedisClient): Promise<string | undefined> {
  if (!(error instanceof Error) || !error.message.startsWith("ERR Error compiling script")) return undefined;
  try {
    const version = /^redis_version:(\S+)/m.exec(text(await client.call("info", "server")))?.[1];
    return version !== undefined && Number.parseInt(version, 10) < 7 ? version : undefined;
  } catch {
    // It does not tell, say because its ACL forbids INFO; what it cannot compile shows its age.
    return "before 7.0";
  }
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
