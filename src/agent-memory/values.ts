import { CorruptMessageError } from "../errors.js";
import { jsonTextOf } from "../options/json-text.js";

/** A value of agent memory. */
export interface MemoryEntry {
  readonly key: string;
  readonly value: unknown;
  /** The version for `set(…, { ifVersion })`. It grows with each write, and no other value ever gets it again. */
  readonly version: number;
  /** When the value expires. Absent when it has no deadline of its own. */
  readonly expiresAt?: Date | undefined;
}

/** A value as it is stored. */
export interface EncodedValue {
  readonly json: string;
  /** How many items an array has; 0 for anything else. */
  readonly items: number;
}

/** @throws InvalidOptionError with the path to the first part that JSON cannot hold. */
export function encodeValue(name: string, value: unknown): EncodedValue {
  return { json: jsonTextOf(name, value), items: Array.isArray(value) ? value.length : 0 };
}

/** A value as it was stored, opened. */
export interface OpenedValue {
  readonly json: string;
  readonly version: number;
  /** In milliseconds since 1970; 0 for none. */
  readonly deadline: number;
}

/** @throws CorruptMessageError when the text is no JSON. */
export function decodeEntry(key: string, { json, version, deadline }: OpenedValue): MemoryEntry {
  return {
    key,
    value: decodeValue(key, json),
    version,
    ...(deadline === 0 ? {} : { expiresAt: new Date(deadline) }),
  };
}

/** @throws CorruptMessageError when the text is no JSON. */
export function decodeValue(key: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The error of JSON.parse is left out, because it quotes what it could not read.
    throw new CorruptMessageError(`The value of ${JSON.stringify(key)} is not what this library wrote.`);
  }
}
