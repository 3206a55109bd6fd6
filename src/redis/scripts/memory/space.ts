import type { MemoryKeys } from "../../keys.js";
import { OPERATION_WINDOW_MILLISECONDS } from "../../operation.js";

// What every script of agent memory is given in front of its own arguments, so that one script serves a namespace on
// its own and one that belongs to a session.

/** How much a namespace may hold and take; 0: no limit. */
export interface SpaceLimits {
  readonly writesPerDay: number;
  readonly storageBytes: number;
  readonly valueBytes: number;
  readonly keys: number;
}

/** On whose behalf a namespace is used: its scripts ask, before all else, whether that session is live. */
interface MemoryHolder {
  readonly record: string;
  /** The index of the owner's sessions. */
  readonly index: string;
  /** The index of the owner's namespaces. */
  readonly memories: string;
  /** The namespace's member there. */
  readonly member: string;
  readonly sessionId: string;
  /** That the record must name: the keys were made from it. */
  readonly agentId: string;
}

/** One namespace: where it is, who asks, and how much it may hold. */
export interface MemorySpace {
  readonly keys: MemoryKeys;
  /** Absent: nobody has to be asked. */
  readonly holder: MemoryHolder | undefined;
  /** Of the whole namespace, after its last write; 0: none. */
  readonly ttlMilliseconds: number;
  readonly limits: SpaceLimits;
}

/** For the header of each script. */
export const spaceHeader = `KEYS[1]  values     hash: key, then "<version> <deadline> <items> <JSON>"
KEYS[2]  deadlines  sorted set of those keys that have one, in milliseconds
KEYS[3]  usage      hash: bytes, version
KEYS[4]  writes     hash: day, count, pad
KEYS[5]  operation  or the values again, where nothing is recorded
KEYS[6]  record     of the session that asks; it and the following are there for a session only
KEYS[7]  index      of the owner's sessions
KEYS[8]  memories   sorted set of the owner's namespaces, by the time until which they are there

ARGV[1]  digest        of the operation
ARGV[2]  window        milliseconds to remember it
ARGV[3]  sessionId     that asks, or ""
ARGV[4]  agentId       that the session must be with
ARGV[5]  member        of this namespace in the memories
ARGV[6]  ttl           of the namespace in milliseconds, "0" for none
ARGV[7]  writesPerDay  the limits, each "0" for none
ARGV[8]  storageBytes
ARGV[9]  valueBytes
ARGV[10] keys`;

export function spaceKeys({ keys, holder }: MemorySpace, operationId?: string): string[] {
  const operation = operationId === undefined ? keys.values : keys.operation(operationId);
  const own = [keys.values, keys.deadlines, keys.usage, keys.writes, operation];
  return holder ? [...own, holder.record, holder.index, holder.memories] : own;
}

export function spaceArguments({ holder, ttlMilliseconds, limits }: MemorySpace, digest = ""): string[] {
  return [
    digest,
    String(OPERATION_WINDOW_MILLISECONDS),
    holder?.sessionId ?? "",
    holder?.agentId ?? "",
    holder?.member ?? "",
    String(ttlMilliseconds),
    String(limits.writesPerDay),
    String(limits.storageBytes),
    String(limits.valueBytes),
    String(limits.keys),
  ];
}
