import { scanValuesScript } from "../redis/scripts/memory/scan.js";
import { run } from "../redis/send.js";
import { holderOf, keysOf } from "./perform.js";
import type { MemoryPlace } from "./place.js";

/** Key and stored text of all values, each key once: a scan may come by one again while others write. */
export async function* pages(
  { connection, space }: MemoryPlace,
  part: "whole" | "header",
): AsyncGenerator<readonly [key: string, stored: string], void, undefined> {
  const seen = new Set<string>();
  let next = "0";
  do {
    const { cursor, found } = await run(connection, scanValuesScript, {
      keys: keysOf(space),
      arguments: { ...holderOf(space), part, cursor: next },
    });
    for (let index = 0; index + 1 < found.length; index += 2) {
      const [key = "", stored = ""] = found.slice(index, index + 2);
      if (seen.has(key)) continue;
      seen.add(key);
      yield [key, stored];
    }
    next = cursor;
  } while (next !== "0");
}
