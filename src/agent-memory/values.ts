import { CorruptMessageError } from "../errors.js";
import { jsonTextOf } from "../options/json-text.js";

/** A value of agent memory. */
export interface MemoryEntry {
  /** The key of the value. */
  readonly key: string;
  /** The value: a JSON value. */
  readonly value: unknown;
  /** The version, for `set(…, { ifVersion })`. It grows with each write, and the key never has the same version again. */
  readonly version: number;
  /** The time at which the value expires. Absent if it has no `ttl` of its own. */
  readonly expiresAt?: Date | undefined;
}

/** A value as it is stored. */
export interface EncodedValue {
  readonly json: string;
  /** The number of items of an array. 0 for any other value. */
  readonly items: number;
}

/** @throws InvalidOptionError with the path to the first part that JSON cannot represent. */
export function encodeValue(name: string, value: unknown): EncodedValue {
  return { json: jsonTextOf(name, value), items: Array.isArray(value) ? value.length : 0 };
}

/** A stored value after it was opened. */
export interface OpenedValue {
  readonly json: string;
  readonly version: number;
  /** In milliseconds since 1970. 0 for no deadline. */
  readonly deadline: number;
}

/** @throws CorruptMessageError if the text is not JSON. */
export function decodeEntry(key: string, { json, version, deadline }: OpenedValue): MemoryEntry {
  return {
    key,
    value: decodeValue(key, json),
    version,
    ...(deadline === 0 ? {} : { expiresAt: new Date(deadline) }),
  };
}

/** @throws CorruptMessageError if the text is not JSON. */
export function decodeValue(key: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // Drop the error of JSON.parse, because its message quotes the value.
    throw new CorruptMessageError(`The value of ${JSON.stringify(key)} is not what this library wrote.`);
  }
}
