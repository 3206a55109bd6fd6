import { threadIdOf, threadPattern } from "../redis/keys.js";
import { scanKeys } from "../redis/scan.js";
import type { KeyedConnection } from "../redis/connection-options.js";

/** Returns the ids of the threads that belong to no session, each once. */
export async function* threadIds(settings: KeyedConnection): AsyncGenerator<string> {
  const told = new Set<string>();
  for await (const { keys } of scanKeys(settings, threadPattern, settings.keyPrefix)) {
    for (const id of keys.map(threadIdOf)) {
      // SCAN may return a key twice.
      if (!told.has(id)) yield id;
      told.add(id);
    }
  }
}
