import * as z from "./schema.js";

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

/** A century. Redis refuses only expiry times that overflow 64 bits, but a longer time than this is a mistake in units. */
const MAX_MILLISECONDS = 36_500 * unitMilliseconds.d;

/** The advice for a value that is not a duration. */
export const useDuration =
  'use a number of seconds above 0, or a string such as "30s", "15m", "4h", "7d" (at most 36500 days)';

/**
 * Returns a schema that turns a {@link Duration} into whole milliseconds, at least 1, because an expiry that is rounded
 * down to 0 would delete its key or make it permanent.
 *
 * @param max the longest duration that the option accepts. Timers need one, because a timer of more than 24 days fires
 * at once.
 */
export function durationSchema(max?: Duration): z.ZodType<number, Duration> {
  return z.transform(
    z.custom<Duration>(() => true),
    (duration, context) => {
      const milliseconds = millisecondsOf(duration);
      if (!(milliseconds > 0 && milliseconds <= MAX_MILLISECONDS)) {
        context.addIssue({ code: "custom", message: useDuration });
      } else if (max !== undefined && milliseconds > millisecondsOf(max)) {
        context.addIssue({ code: "custom", message: `use at most "${max}"; a number means seconds` });
      }
      return Math.max(1, Math.round(milliseconds));
    },
  );
}

/** Returns `NaN` for a value that is not a duration. */
function millisecondsOf(duration: unknown): number {
  if (typeof duration === "number") return duration * 1_000;
  const match = typeof duration === "string" ? /^(\d+(?:\.\d+)?)([smhd])$/.exec(duration) : null;
  return match ? Number(match[1]) * unitMilliseconds[match[2] as keyof typeof unitMilliseconds] : Number.NaN;
}
