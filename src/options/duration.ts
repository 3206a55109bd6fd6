import { InvalidOptionError } from "../errors.js";

/**
 * A length of time: a number of **seconds**, or a whole number with a unit: seconds, minutes, hours or days.
 *
 * @example
 * ```ts
 * const halfAnHour: Duration = "30m"; // the same as 1800
 * ```
 */
export type Duration = number | `${number}${"s" | "m" | "h" | "d"}`;

const unitMilliseconds = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A century. Redis refuses expiry times that overflow 64 bits; far below that, a longer one is a mistake in units. */
const century = 36_500 * unitMilliseconds.d;

/**
 * Whole milliseconds, never 0: rounding down to 0 would delete a key, or make it permanent.
 *
 * @param longest where something waits for as long: a timer of more than 24 days fires at once.
 */
export function toMilliseconds(option: string, duration: Duration, longest?: Duration): number {
  const milliseconds = typeof duration === "number" ? duration * 1_000 : parse(duration);
  if (!(milliseconds > 0 && milliseconds <= century)) {
    throw new InvalidOptionError(
      option,
      'use a number of seconds above 0, or a string such as "30s", "15m", "4h", "7d" (at most 36500 days).',
    );
  }
  if (longest !== undefined && milliseconds > toMilliseconds(option, longest)) {
    throw new InvalidOptionError(option, `use at most "${longest}"; a number means seconds.`);
  }
  return Math.max(1, Math.round(milliseconds));
}

function parse(duration: unknown): number {
  const match = typeof duration === "string" ? /^(\d+(?:\.\d+)?)([smhd])$/.exec(duration) : null;
  return match ? Number(match[1]) * unitMilliseconds[match[2] as keyof typeof unitMilliseconds] : Number.NaN;
}
