import { CorruptMessageError, LangChainRedisError, StorageFullError, StoreUnavailableError } from "../errors.js";
import type { RedisPort } from "./port.js";
import { text, UnexpectedReply } from "./replies.js";

/** Returns the code of a refusal, which is the upper-case first word of the reply; `undefined` for any other error. */
export function refusalCode(error: unknown): string | undefined {
  return error instanceof Error ? /^([A-Z][A-Z0-9_]*)(?: |$)/.exec(error.message)?.[1] : undefined;
}

export interface Circumstances {
  readonly client: RedisPort;
  /** The name of the script that was sent. Absent for commands. */
  readonly script?: string | undefined;
  /** Absent for a read. */
  readonly operationId?: string | undefined;
  /** Whether the write may have taken effect despite the error. */
  readonly indeterminate: boolean;
}

/**
 * Returns the library's error for an error of the client. It keeps only the code or class name of the client's error,
 * because ioredis puts the arguments of the command, and so messages, on its errors.
 */
export function toLibraryError(error: unknown, circumstances: Circumstances): LangChainRedisError {
  if (error instanceof LangChainRedisError) return error;
  const { client, operationId, indeterminate } = circumstances;
  const code = refusalCode(error);
  if (code === "WRONGTYPE") {
    return new CorruptMessageError(
      "A key holds a value of another type than this library stores there. The key was left unchanged.",
    );
  }
  if (code === "OOM" && !indeterminate) return new StorageFullError();
  const cause = new Error(code === undefined ? nameOf(error) : `Redis replied ${code}`);
  const what = describe(error, code, circumstances);
  return new StoreUnavailableError(`${what}; ${stateOf(client)}.${advice(operationId, indeterminate)}`, {
    indeterminate,
    operationId,
    cause,
  });
}

/**
 * Returns the library's error for the failure of a script.
 *
 * A server before 7.0 does not understand the first line of a script, so it cannot compile the script. Such a server
 * has never run a script of the library, so nothing was written.
 */
export async function toScriptError(
  error: unknown,
  circumstances: Omit<Circumstances, "indeterminate">,
  isIndeterminate: () => boolean | Promise<boolean>,
): Promise<LangChainRedisError> {
  const version = await versionBefore7(error, circumstances.client);
  if (version === undefined) {
    return toLibraryError(error, { ...circumstances, indeterminate: await isIndeterminate() });
  }
  return new StoreUnavailableError(
    `The server is Redis ${version}, and Redis 7.0 or Valkey 7.2 is needed, or a later version. Nothing was written.`,
    { indeterminate: false, operationId: circumstances.operationId },
  );
}

/**
 * Returns the version of a server that could not compile a script, if that is the reason. Asks the server only after
 * such an error.
 */
async function versionBefore7(error: unknown, client: RedisPort): Promise<string | undefined> {
  if (!(error instanceof Error) || !error.message.startsWith("ERR Error compiling script")) return undefined;
  try {
    const version = /^redis_version:(\S+)/m.exec(text(await client.call(["info", "server"])))?.[1];
    return version !== undefined && Number.parseInt(version, 10) < 7 ? version : undefined;
  } catch {
    // An ACL may forbid INFO. The error itself shows that the server is too old.
    return "before 7.0";
  }
}

export function deadlineError(milliseconds: number, circumstances: Circumstances): StoreUnavailableError {
  const { client, script, operationId, indeterminate } = circumstances;
  const what = script === undefined ? "" : ` the script ${script}`;
  return new StoreUnavailableError(
    `Redis did not answer${what} within ${milliseconds} ms; ${stateOf(client)}.${advice(operationId, indeterminate)}`,
    { indeterminate, operationId },
  );
}

function describe(error: unknown, code: string | undefined, { script }: Circumstances): string {
  const what = script === undefined ? "the command" : `the script ${script}`;
  if (code === "NOAUTH") return `Redis refused ${what} (NOAUTH): the user and password of the client are missing`;
  if (code !== undefined) return `Redis refused ${what} (${code})`;
  return error instanceof UnexpectedReply
    ? `Unexpected reply to ${what} (is the client inside MULTI?)`
    : 'Redis could not be reached (the client\'s "error" event says why)';
}

function stateOf({ status }: RedisPort): string {
  return status === "closed" ? "the client is closed" : `the client's status is "${status}"`;
}

function advice(operationId: string | undefined, indeterminate: boolean): string {
  if (operationId === undefined) return indeterminate ? " How much was done is unknown: repeat the call." : "";
  return indeterminate
    ? " Whether the write took effect is unknown: repeat it with the same operationId."
    : " Nothing was written.";
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown failure";
  return "code" in error && typeof error.code === "string" ? `${error.name} ${error.code}` : error.name;
}
