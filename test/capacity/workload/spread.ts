/** How a quantity differs from one to the next: log-normal, the shape of what people write and how long they stay. */
export interface Spread {
  readonly median: number;
  /** Of the logarithm. 0: all are the median. */
  readonly sigma: number;
  readonly least: number;
  readonly most: number;
}

export function draw({ median, sigma, least, most }: Spread, random: () => number): number {
  // Box and Muller; 1 - random() is never 0.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.min(most, Math.max(least, Math.round(median * Math.exp(sigma * normal))));
}

/** What a spread comes to. */
export interface Moments {
  readonly mean: number;
  readonly meanOfSquares: number;
}

/** From many draws: rounding and bounds leave no formula. */
export function momentsOf(spread: Spread, random: () => number, draws = 200_000): Moments {
  let sum = 0;
  let squares = 0;
  for (let count = 0; count < draws; count++) {
    const value = draw(spread, random);
    sum += value;
    squares += value * value;
  }
  return { mean: sum / draws, meanOfSquares: squares / draws };
}
