import type { Result } from "../measure/compare.js";
import type { Ratio } from "../measure/statistics.js";
import type { Condition } from "../plan.js";
import type { Findings } from "../run.js";

export const LOOPBACK: Condition = { delayMilliseconds: 0, sessions: 1 };
export const ONE_MILLISECOND: Condition = { delayMilliseconds: 1, sessions: 1 };

/** What a run found for one candidate. */
export function resultOf(
  { timings }: Findings,
  workload: string,
  { delayMilliseconds, sessions }: Condition,
  candidate: string,
): Result {
  const result = timings
    .find(
      (timing) =>
        timing.workload === workload && timing.delayMilliseconds === delayMilliseconds && timing.sessions === sessions,
    )
    ?.results.find((found) => found.candidate === candidate);
  if (result === undefined) throw new Error(`Not measured: ${workload}, ${candidate}.`);
  return result;
}

export function formatRatio({ value, low, high }: Ratio): string {
  return `${value.toFixed(2)}× (${low.toFixed(2)}–${high.toFixed(2)})`;
}

export function formatMilliseconds(milliseconds: number): string {
  if (milliseconds < 0.0995) return `${(milliseconds * 1_000).toFixed(milliseconds < 0.00995 ? 1 : 0)} µs`;
  if (milliseconds >= 999.5) return `${(milliseconds / 1_000).toPrecision(3)} s`;
  return `${milliseconds.toPrecision(milliseconds < 1 ? 2 : 3)} ms`;
}

export function formatKilobytes(bytes: number): string {
  return `${(bytes / 1_000).toLocaleString("en", { maximumSignificantDigits: 3 })} kB`;
}

/** Returns the words for a condition. */
export function conditionName({ delayMilliseconds, sessions }: Condition): string {
  const distance = delayMilliseconds === 0 ? "loopback" : `${delayMilliseconds} ms away`;
  return sessions === 1 ? distance : `${distance}, ${sessions} at once`;
}
