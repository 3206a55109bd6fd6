import { setTimeout as sleep } from "node:timers/promises";
import { StoreUnavailableError, VersionConflictError } from "../errors.js";
import type { Budget } from "../redis/budget.js";
import { readValuesScript } from "../redis/scripts/memory/read.js";
import { run } from "../redis/send.js";
import { setValues, type SetValues } from "./set-values.js";
import { holderOf, keysOf } from "./perform.js";
import type { MemoryPlace, MemorySpace } from "./place.js";
import { openValue } from "./sealed-values.js";
import type { EncodedValue, OpenedValue } from "./values.js";

const MAX_PAUSE_MILLISECONDS = 50;

/** The outcome of a change. */
export type Changed =
  | (EncodedValue & {
      /** The number that the change returns. Without it, the change returns the version. */
      readonly result?: number;
    })
  /** The value does not suit the change, so it stays as it is. */
  | { readonly unfit: Error };

/** Stands in for the value when a change sets none. The call then returns the result of an earlier attempt, if there is one. */
const NO_VALUE = { json: "", items: 0, result: 0 };

export interface Change {
  readonly key: string;
  readonly operationId: string;
  /** Texts that identify the change under its operation id. They describe the change, not the resulting value. */
  readonly parts: readonly string[];
  readonly lifetime: number | "keep";
  /** Returns the value to store instead, or `undefined` to leave the value as it is. */
  readonly change: (current: OpenedValue | undefined) => Changed | undefined | Promise<Changed | undefined>;
}

/**
 * Reads a value, changes it, and writes it unless another write came between. In that case it tries again, until the
 * deadline.
 *
 * Every attempt has the operation id of the whole change, and a digest that identifies the change and not its content. An
 * attempt that met another version leaves no record, so the next attempt is free to run. Once an attempt has taken effect,
 * every other one finds its record and changes nothing: a resend, an abandoned attempt that runs late, or a repetition by
 * the caller.
 *
 * @returns the number that the change returns, otherwise the version of the value, or 0 when there is no value.
 */
export async function changeValue(budget: Budget, place: MemoryPlace, wanted: Change): Promise<number> {
  const { key, operationId, parts, lifetime, change } = wanted;
  let met: VersionConflictError | undefined;
  for (let attempt = 1; ; attempt++) {
    const current = await readBetween(budget, place, key, met);
    const next = await budget.pause(() => change(current));
    if (next === undefined) return current?.version ?? 0;
    const { json, items, result, unfit } = "unfit" in next ? { ...NO_VALUE, ...next } : { ...next, unfit: undefined };
    const expected = current?.version ?? 0;
    const entries = [{ key, json, items }];
    try {
      const write = { operationId, parts, expected, lifetime, entries, result, unfit };
      return await (result === undefined ? applied(budget, place.space, write) : setValues(budget, place.space, write));
    } catch (error) {
      if (!(error instanceof VersionConflictError && (await pause(attempt, budget)))) throw error;
      met = error;
    }
  }
}

/**
 * Reads the value.
 *
 * @throws `met` when the deadline passes during this read and most of it was spent on attempts that met other versions.
 * Then Redis has answered all along, and a StoreUnavailableError would mislead the caller.
 */
async function readBetween(
  budget: Budget,
  { connection, space }: MemoryPlace,
  key: string,
  met: VersionConflictError | undefined,
): Promise<OpenedValue | undefined> {
  const rest = budget.left;
  try {
    const { stored: found } = await run(budget.connection(), readValuesScript, {
      keys: keysOf(space),
      arguments: { part: "whole", wanted: [key], ...holderOf(space) },
    });
    const [stored] = found;
    return stored === undefined ? undefined : await openValue({ connection: budget.connection(), space }, key, stored);
  } catch (error) {
    const isTooLate = error instanceof StoreUnavailableError && budget.left < 1;
    if (met !== undefined && isTooLate && rest < connection.deadlineMilliseconds / 2) throw met;
    throw error;
  }
}

/** Writes for an update. While it is unknown whether the write took effect, repeats it: the repetition finds out. */
async function applied(budget: Budget, space: MemorySpace, write: SetValues): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await setValues(budget, space, write);
    } catch (error) {
      const unknown = error instanceof StoreUnavailableError && error.indeterminate;
      if (!(unknown && (await pause(attempt, budget)))) throw error;
    }
  }
}

/**
 * Waits for a random time that grows with each attempt, so that clients that collided do not collide again. Returns `false`
 * at once when the deadline comes first.
 */
async function pause(attempt: number, budget: Budget): Promise<boolean> {
  const milliseconds = Math.random() * Math.min(MAX_PAUSE_MILLISECONDS, 2 ** attempt);
  if (budget.left <= milliseconds) return false;
  await sleep(milliseconds);
  return true;
}
