import type { Budget } from "../redis/budget.js";
import { setScript } from "../redis/scripts/memory/set.js";
import { argumentsOf, keysOfWrite, perform } from "./perform.js";
import type { MemorySpace } from "./place.js";

export interface SetValues {
  readonly operationId: string;
  readonly digest: string;
  /** Absent: whatever is there. */
  readonly expected: number | undefined;
  /** Milliseconds; 0: no deadline; `"keep"`: the one that each has. */
  readonly lifetime: number | "keep";
  readonly entries: readonly { readonly key: string; readonly json: string; readonly items: number }[];
}

/** Sets values, all or none, and returns their version. */
export async function setValues(budget: Budget, space: MemorySpace, write: SetValues): Promise<number> {
  const { operationId, digest, expected, lifetime, entries } = write;
  const version = await perform(budget, setScript, {
    operationId,
    subject: entries[0]?.key ?? "",
    keys: keysOfWrite(space, operationId),
    arguments: {
      digest,
      expected: expected === undefined ? "" : String(expected),
      lifetime: spelled(lifetime),
      entries: entries.flatMap(({ key, json, items }) => [key, json, String(items)]),
      ...argumentsOf(space),
    },
  });
  return Number(version);
}

/** Returns a lifetime as the scripts read it: `""` keeps the deadline. */
export function spelled(lifetime: number | "keep"): string {
  return lifetime === "keep" ? "" : String(lifetime);
}
