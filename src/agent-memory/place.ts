import { memoryKeys } from "../redis/keys.js";
import type { MemorySpace } from "../redis/scripts/memory/space.js";
import type { Connection } from "../redis/send.js";
import type { MemorySettings } from "./options.js";

/**
 * Where a memory is kept, and on whose behalf. Nothing else tells a memory that is bound to a session from one on its own.
 */
export interface MemoryPlace {
  readonly connection: Connection;
  readonly space: MemorySpace;
}

/** Returns the place of a namespace on its own, under a name that the caller chose. */
export function standalonePlace({
  client,
  deadlineMilliseconds,
  wait,
  keyPrefix,
  namespace,
  space,
}: MemorySettings): MemoryPlace {
  return {
    connection: { client, deadlineMilliseconds, wait },
    space: { ...space, keys: memoryKeys(keyPrefix, namespace), holder: undefined },
  };
}
