import type { Kind } from "../workload/population.js";

/** What something takes: so much in any case, and so much for each message (or member, or value) and each byte of text. */
export interface Linear {
  readonly base: number;
  readonly perItem: number;
  readonly perByte: number;
}

export function at({ base, perItem, perByte }: Linear, items: number, bytes: number): number {
  return base + perItem * items + perByte * bytes;
}

/** Bytes in memory. */
export interface MemoryParameters {
  /** `MEMORY USAGE` of a key. */
  readonly kinds: Readonly<Record<Kind, Linear>>;
  /** What remembers one operation id, for two minutes. */
  readonly operation: number;
  /** Of a key, besides what `MEMORY USAGE` tells and the hash tables' buckets: its entry among the keys that expire. */
  readonly untoldPerKey: number;
}

/** What one call costs the servers. Processor time has no part by the byte. */
export interface CallParameters {
  readonly cpuMicroseconds: Linear;
  readonly bytesIn: Linear;
  readonly bytesOut: Linear;
}

export const calls = ["verify", "read", "append"] as const;
export type Call = (typeof calls)[number];

/** All that was measured on small data; the model knows nothing else of Redis. */
export interface Parameters {
  readonly memory: MemoryParameters;
  readonly calls: Readonly<Record<Call, CallParameters>>;
}
