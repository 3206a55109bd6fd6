import {
  CorruptMessageError,
  OperationConflictError,
  QuotaExceededError,
  type LangChainRedisError,
  SessionMismatchError,
  SessionNotFoundError,
  ValueMismatchError,
  VersionConflictError,
} from "../errors.js";
import { Budget } from "../redis/budget.js";
import type { MemoryRefusal, ReadOutcome, WriteOutcome } from "../redis/scripts/memory/outcome.js";
import type { MemorySpace } from "../redis/scripts/memory/space.js";
import type { Script } from "../redis/script.js";
import { type Connection, run, write } from "../redis/send.js";
import type { MemoryPlace } from "./place.js";

/** The input that all write scripts of agent memory have in common. */
interface Write {
  readonly operationId: string;
  readonly space: MemorySpace;
}

/**
 * Runs a write and returns its result. Takes one round trip. It takes more only when the namespace is at a limit and holds
 * hundreds of expired values, which are then removed in steps.
 *
 * @param key the key that an error names.
 */
export async function perform<Input extends Write>(
  budget: Budget,
  script: Script<Input, WriteOutcome>,
  input: Input,
  key: string,
): Promise<string> {
  for (;;) {
    const outcome = await write(budget.connection(), script, input, input.space.keys.operation(input.operationId));
    if (outcome.kind === "done") return outcome.result;
    if (outcome.kind !== "more") throw errorOf(outcome, key, input.operationId);
  }
}

/** Does what {@link perform} does, for a call that has no other round trips. */
export function performOnce<Input extends Write>(
  { connection }: MemoryPlace,
  script: Script<Input, WriteOutcome>,
  input: Input,
  key: string,
): Promise<string> {
  return perform(new Budget(connection), script, input, key);
}

/** Runs a script that only reads, and returns its result. */
export async function look<Input, Value>(
  connection: Connection,
  script: Script<Input, ReadOutcome<Value>>,
  input: Input,
): Promise<Value> {
  const outcome = await run(connection, script, input);
  if (outcome.kind === "done") return outcome.value;
  throw errorOf(outcome, "", "");
}

function errorOf(refusal: MemoryRefusal, key: string, operationId: string): LangChainRedisError {
  if (refusal.kind === "version") return new VersionConflictError(key, refusal.version);
  if (refusal.kind === "quota") {
    const { quota, usage, limit, milliseconds } = refusal;
    const retryAfter = milliseconds > 0 ? Math.ceil(milliseconds / 1_000) : undefined;
    return new QuotaExceededError({ quota, usage, limit, retryAfter });
  }
  switch (refusal.outcome) {
    case "conflict":
      return new OperationConflictError(operationId);
    case "mismatch":
      return new SessionMismatchError();
    case "not-integer":
      return new ValueMismatchError(key, "is not a whole number");
    case "not-array":
      return new ValueMismatchError(key, "is not an array");
    case "unsafe":
      return new ValueMismatchError(key, "is, or would become, a whole number that a double cannot hold exactly");
    case "corrupt":
      return new CorruptMessageError(`The value of ${JSON.stringify(key)} is not what this library wrote.`);
    case "unknown":
      return new SessionNotFoundError();
    case "ended":
    case "evicted":
    case "expired":
    case "rotated":
      break;
  }
  return new SessionNotFoundError(refusal.outcome);
}
