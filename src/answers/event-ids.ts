import * as z from "../options/schema.js";
import { once } from "../options/once.js";

// The id of an event is "<run>-<number>", and that of the last event is "<run>-end". The name of a run is random, so no id is
// used twice. The events of a run are numbered from 1 on.

const help = "use the id of an event, as follow() returned it";

/** Checks the form of the id of an event. */
export const eventIdSchema: () => z.ZodType<string, unknown> = once(() =>
  z.check(z.string(help), z.regex(/^[\w-]{11}-(?:\d{1,9}|end)$/, help)),
);

export function eventId(run: string, number: number | "end"): string {
  return `${run}-${number}`;
}

/** Returns the parts of an id. The number of the last event is greater than all others. */
export function partsOfId(id: string): { run: string; number: number } {
  const [run, number] = [id.slice(0, 11), id.slice(12)];
  return { run, number: number === "end" ? Number.MAX_SAFE_INTEGER : Number(number) };
}

/** Returns true for the id of the last event of a run. */
export function isLastEvent(id: string): boolean {
  return id.endsWith("-end");
}
