import * as z from "../options/schema.js";
import { once } from "../options/once.js";

// For the parts of a position, see redis/scripts/fragments/positions.ts.

/** The fields of a conversation's hash from which the positions of its messages follow. */
export interface Places {
  /** The number of the oldest message. */
  readonly first: number;
  /** The eras, each with the number of its first message: `<number>:<era> …`. */
  readonly eras: string;
}

const help = "use the position of a message, as conversations.messages() returned it";

/** Checks the form of a position. */
export const positionSchema: () => z.ZodType<string, unknown> = once(() =>
  z.check(z.string(help), z.regex(/^\d{1,17}-\d{1,15}$/, help)),
);

/** Returns the places for these two fields of a conversation's hash. */
export function placesOf(first: string | undefined, eras: string | undefined): Places {
  return { first: Number(first ?? 0), eras: eras ?? "0:0" };
}

/**
 * Returns a function that returns the position of an index. The position behind the last message is the end of the
 * conversation.
 */
export function positionsOf({ first, eras }: Places): (index: number) => string {
  const begun = eras.split(" ").map((one): [number, string] => {
    const [number = "", era = "0"] = one.split(":");
    return [Number(number), era];
  });
  return (index) => {
    const number = first + index;
    const era = begun.findLast(([from]) => from <= number)?.[1] ?? "0";
    return `${era}-${number}`;
  };
}

/** Returns the index of a position among `length` messages, or `undefined` if no message has this position. */
export function indexOfPosition(places: Places, position: string, length: number): number | undefined {
  const index = Number(position.slice(position.indexOf("-") + 1)) - places.first;
  return index >= 0 && index < length && positionsOf(places)(index) === position ? index : undefined;
}
