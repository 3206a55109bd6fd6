/** Random choices that a seed repeats. */
export interface Choices {
  /** A whole number from 0 up to, but not including, `bound`. */
  readonly below: (bound: number) => number;
  readonly one: <Value>(values: readonly Value[]) => Value;
  readonly shuffled: <Value>(values: readonly Value[]) => Value[];
}

/** Mulberry32: small, and good enough to choose by. */
export function seeded(seed: number): Choices {
  let state = seed >>> 0;
  const below = (bound: number): number => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * bound);
  };
  return {
    below,
    one: <Value>(values: readonly Value[]): Value => values[below(values.length)] as Value,
    shuffled: <Value>(values: readonly Value[]): Value[] =>
      values
        .map((value) => ({ value, place: below(1_000_000) }))
        .toSorted((a, b) => a.place - b.place)
        .map(({ value }) => value),
  };
}
