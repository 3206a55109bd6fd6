import { connectionOf } from "../encryption/vault.js";
import { type MemoryKeys, memoryKeys } from "../redis/keys.js";
import type { SpaceLimits } from "../redis/scripts/memory/space.js";
import type { Connection } from "../redis/send.js";
import type { MemorySettings } from "./options.js";

/** The session on whose behalf a namespace is used. The scripts first check that the session is live. */
interface MemoryHolder {
  readonly record: string;
  /** The index of the owner's sessions. */
  readonly index: string;
  /** The index of the owner's namespaces. */
  readonly memories: string;
  /** The namespace's member in the index `memories`. */
  readonly member: string;
  readonly sessionId: string;
  /** The agent that the session's record must name, because the keys were made from this id. */
  readonly agentId: string;
}

/** A namespace: its keys, the session on whose behalf it is used, and its limits. */
export interface MemorySpace {
  /** The name within its owner. Sealed values are bound to it. */
  readonly name: string;
  readonly keys: MemoryKeys;
  /** Absent if the namespace belongs to no session. */
  readonly holder: MemoryHolder | undefined;
  /** The time that the whole namespace lives after its last write. 0 means for ever. */
  readonly ttlMilliseconds: number;
  readonly limits: SpaceLimits;
}

/**
 * The place of a memory. It is the only difference between a memory that is bound to a session and one that is not.
 */
export interface MemoryPlace {
  readonly connection: Connection;
  readonly space: MemorySpace;
}

/** Returns the place of a namespace that belongs to no session, under a name that the caller chose. */
export function standalonePlace({
  client,
  deadlineMilliseconds,
  wait,
  encryption,
  keyPrefix,
  namespace,
  space,
}: MemorySettings): MemoryPlace {
  const { dataKey, ...keys } = memoryKeys(keyPrefix, namespace);
  const { ttlMilliseconds } = space;
  return {
    connection: connectionOf(
      { client, deadlineMilliseconds, wait, encryption, compress: false },
      { owner: `memory:${namespace}`, dataKey, ttlMilliseconds },
    ),
    space: { ...space, name: namespace, keys, holder: undefined },
  };
}
