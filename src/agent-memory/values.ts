import { CorruptMessageError } from "../errors.js";
import { jsonTextOf } from "../options/json-text.js";
import { HEADER_BYTES } from "../redis/scripts/fragments/memory.js";

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

/**
 * Returns the entry of a stored text.
 *
 * @throws CorruptMessageError when this library did not write the text.
 */
export function decodeEntry(key: string, stored: string): MemoryEntry {
  const { version, deadline } = decodeHeader(stored);
  return {
    key,
    value: parse(key, stored.slice(HEADER_BYTES)),
    version,
    ...(deadline === 0 ? {} : { expiresAt: new Date(deadline) }),
  };
}

function decodeHeader(stored: string): { version: number; deadline: number } {
  const [, version, deadline] = /^(\d{16}) (\d{13}) \d{10} /.exec(stored) ?? [];
  if (version === undefined) throw new CorruptMessageError("A value of agent memory is not what this library wrote.");
  return { version: Number(version), deadline: Number(deadline) };
}

function parse(key: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // The error of JSON.parse is left out, because it quotes what it could not read.
    throw new CorruptMessageError(`The value of ${JSON.stringify(key)} is not what this library wrote.`);
  }
}
