// How late a follower in another process hears what was sent to one answer.
import { shuffled } from "../measure/random.js";
import { median } from "../measure/statistics.js";
import type { Beat, Crowd, Pair } from "./pair.js";

export interface Lag {
  readonly candidate: string;
  readonly beat: Beat;
  readonly rounds: number;
  /** Milliseconds: the median round. */
  readonly p50: number;
  readonly p99: number;
}

/** The candidates take turns, each round in another order. */
export async function measureLags(
  pairs: readonly Pair[],
  beat: Beat,
  { rounds, random }: { readonly rounds: number; readonly random: () => number },
): Promise<Lag[]> {
  const found = new Map(pairs.map(({ candidate }) => [candidate, [] as Crowd[]]));
  for (let round = 0; round < rounds; round++) {
    for (const pair of shuffled(pairs, random)) found.get(pair.candidate)?.push(await pair.measure(1, beat));
  }
  return [...found].map(([candidate, crowds]) => ({
    candidate,
    beat,
    rounds,
    p50: median(crowds.map(({ p50 }) => p50)),
    p99: median(crowds.map(({ p99 }) => p99)),
  }));
}
