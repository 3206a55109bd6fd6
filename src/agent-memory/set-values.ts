import { randomUUID } from "node:crypto";
import { digestOf } from "../options/digest.js";
import type { Budget } from "../redis/budget.js";
import { setScript } from "../redis/scripts/memory/set.js";
import { argumentsOf, keysOfWrite, perform } from "./perform.js";
import type { MemorySpace } from "./place.js";
import { openResult, sealResult, sealValue } from "./sealed-values.js";
import type { EncodedValue } from "./values.js";

export interface SetValues {
  readonly operationId: string;
  /** Texts that identify the write under its operation id. */
  readonly parts: readonly string[];
  /** The version that the first value must have. Absent for any version. */
  readonly expected: number | undefined;
  /** In milliseconds. 0 means no deadline. `"keep"` leaves each value its deadline. */
  readonly lifetime: number | "keep";
  readonly entries: readonly (EncodedValue & { readonly key: string })[];
  /** The number to return. Absent to return the version of the values. */
  readonly result?: number | undefined;
  /** If present, nothing is set and this is thrown, unless the operation was done before or the version differs. */
  readonly unfit?: Error | undefined;
}

/** Sets values, all or none. Returns their version, or the result of the operation. */
export async function setValues(budget: Budget, space: MemorySpace, write: SetValues): Promise<number> {
  const { operationId, parts, expected, lifetime, entries, result, unfit } = write;
  const reply = await perform(budget, setScript, {
    operationId,
    subject: entries[0]?.key ?? "",
    keys: keysOfWrite(space, operationId),
    sealedFor: sealedFor(space, lifetime),
    arguments: (sealer) => {
      const returned = result === undefined ? "" : sealResult(sealer, space, operationId, result);
      return {
        digest: sealer?.digest(...parts) ?? digestOf(...parts),
        expected: expected === undefined ? "" : String(expected),
        lifetime: spelled(lifetime),
        unfit: unfit !== undefined,
        result: returned,
        fresh: returned !== "" && typeof returned === "string" ? newPadSecret() : "",
        entries: entries.flatMap(({ key, json, items }) => [key, sealValue(sealer, space, key, json), String(items)]),
        ...argumentsOf(space),
      };
    },
  });
  if (reply.outcome === "unfit") throw unfit ?? new TypeError("Unexpected reply of the script: unfit.");
  if (result === undefined) return Number(reply.result);
  // An earlier attempt may have had another result, and that one stands.
  return reply.outcome === "done"
    ? result
    : openResult({ connection: budget.connection(), space }, operationId, reply.result);
}

/** Returns a lifetime in the form that the scripts read. `""` keeps the deadline. */
export function spelled(lifetime: number | "keep"): string {
  return lifetime === "keep" ? "" : String(lifetime);
}

/** Returns a secret for a namespace that has none yet; see the Lua fragment `rememberNumber`. */
export function newPadSecret(): string {
  return randomUUID();
}

/**
 * Returns the shortest time for which the data key is needed, in milliseconds, or 0 for ever. The script, which sees all
 * deadlines, keeps the key for longer if it is needed.
 */
function sealedFor({ ttlMilliseconds }: MemorySpace, lifetime: number | "keep"): number {
  const own = lifetime === "keep" ? 1 : lifetime;
  return ttlMilliseconds > 0 && own > 0 ? Math.min(ttlMilliseconds, own) : Math.max(ttlMilliseconds, own);
}
