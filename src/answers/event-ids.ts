import { z } from "zod";
import { once } from "../options/once.js";

// The id of an event is "<run>-<number>", that of the last event "<run>-end". A run is named at random, so no id is used
// again. The events of a run are numbered from 1 on.

const help = "use the id of an event, as follow() returned it";

/** Checks the form of the id of an event. */
export const eventIdSchema: () => z.ZodString = once(() => z.string(help).regex(/^[\w-]{11}-(?:\d{1,9}|end)$/, help));

export function eventId(run: string, number: number | "end"): string {
  return `${run}-${number}`;
}

/** Returns what an id is made of. The last event comes behind all others. */
export function partsOfId(id: string): { run: string; number: number } {
  const [run, number] = [id.slice(0, 11), id.slice(12)];
  return { run, number: number === "end" ? Number.MAX_SAFE_INTEGER : Number(number) };
}

/** Returns whether an id is that of the last event of its run. */
export function isLastEvent(id: string): boolean {
  return id.endsWith("-end");
}
