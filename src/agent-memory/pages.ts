import { scanValuesScript } from "../redis/scripts/memory/scan.js";
import { storedValue, text } from "../redis/replies.js";
import type { Stored } from "../redis/sealing.js";
import { run } from "../redis/send.js";
import { holderOf, keysOf } from "./perform.js";
import type { MemoryPlace } from "./place.js";

/** Yields the key and the stored form of each value. A scan may return a key again while others write; each is yielded once. */
export async function* pages(
  { connection, space }: MemoryPlace,
  part: "whole" | "header",
): AsyncGenerator<readonly [key: string, stored: Stored], void, undefined> {
  const seen = new Set<string>();
  let next = "0";
  do {
    const { cursor, found } = await run(connection, scanValuesScript, {
      keys: keysOf(space),
      arguments: { part, cursor: next, ...holderOf(space) },
    });
    for (let index = 0; index + 1 < found.length; index += 2) {
      const key = text(found[index]);
      const stored = storedValue(found[index + 1]);
      if (seen.has(key)) continue;
      seen.add(key);
      yield [key, stored];
    }
    next = cursor;
  } while (next !== "0");
}
