import { z } from "zod";
import { once } from "../options/once.js";

// redis/scripts/fragments/positions.ts says what positions are made of.

/** What the positions of a conversation's messages are made of, as its hash has it. */
export interface Places {
  /** The number of the oldest message. */
  readonly first: number;
  /** From which number on messages are of which era: `<number>:<era> …`. */
  readonly eras: string;
}

const help = "use the position of a message, as conversations.messages() returned it";

/** Checks the form of a position. */
export const positionSchema: () => z.ZodString = once(() => z.string(help).regex(/^\d{1,17}-\d{1,15}$/, help));

/** Returns the places of a conversation whose hash has these two fields. */
export function placesOf(first: string | undefined, eras: string | undefined): Places {
  return { first: Number(first ?? 0), eras: eras ?? "0:0" };
}

/** Returns a function that names the position of each index; that behind the last message is the end of the conversation. */
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

/** Returns the index of a position among so many messages, or `undefined` when its message is gone or was never there. */
export function indexOfPosition(places: Places, position: string, length: number): number | undefined {
  const index = Number(position.slice(position.indexOf("-") + 1)) - places.first;
  return index >= 0 && index < length && positionsOf(places)(index) === position ? index : undefined;
}
