import { connectionOf } from "../encryption/vault.js";
import { type MemoryKeys, memoryKeys } from "../redis/keys.js";
import type { SpaceLimits } from "../redis/scripts/memory/space.js";
import type { Connection } from "../redis/send.js";
import type { MemorySettings } from "./options.js";

/** The session on whose behalf a namespace is used. The scripts check first that it is live. */
interface MemoryHolder {
  readonly record: string;
  /** The index of the owner's sessions. */
  readonly index: string;
  /** The index of the owner's namespaces. */
  readonly memories: string;
  /** The namespace's member there. */
  readonly member: string;
  readonly sessionId: string;
  /** The record must name this agent: the keys were made from it. */
  readonly agentId: string;
}

/** A namespace: where it is, on whose behalf it is used, and how much it may hold. */
export interface MemorySpace {
  /** Its name within its owner. What is sealed is bound to it. */
  readonly name: string;
  readonly keys: MemoryKeys;
  /** Absent when the namespace belongs to no session. */
  readonly holder: MemoryHolder | undefined;
  /** How long the whole namespace lives after its last write, or 0 for ever. */
  readonly ttlMilliseconds: number;
  readonly limits: SpaceLimits;
}

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
