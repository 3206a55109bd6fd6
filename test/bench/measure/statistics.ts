import { seededRandom } from "./random.js";

/** The value below which that part of the values lies: by nearest rank, so always one that was measured. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** How many times as long, and between which bounds with 95 % confidence. */
export interface Ratio {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The median of the ratios of two series that were measured in pairs, one after the other in the same round, so that
 * what slowed a round down slowed both. Its interval is that of 1,000 bootstrap resamples of the rounds.
 */
export function pairedRatio(numerators: readonly number[], denominators: readonly number[]): Ratio {
  const ratios = numerators.map((numerator, round) => numerator / (denominators[round] ?? Number.NaN));
  const random = seededRandom(ratios.length);
  const resampled = Array.from({ length: 1_000 }, () =>
    median(ratios.map(() => ratios[Math.floor(random() * ratios.length)] ?? Number.NaN)),
  );
  return { value: median(ratios), low: quantile(resampled, 0.025), high: quantile(resampled, 0.975) };
}
