import { CorruptMessageError, InvalidOptionError } from "../errors.js";
import { HEADER_BYTES } from "../redis/scripts/fragments/memory.js";
import { spell } from "./standard-schema.js";

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

/** How deep a value may be: deeper than any document, and within what JSON.parse and this walk can do on a small stack. */
const MAX_DEPTH = 500;

/**
 * Returns the JSON text from which exactly this value comes back. JSON.stringify would leave out, round or replace what JSON
 * cannot hold, without an error.
 *
 * @throws InvalidOptionError with the path to the first part that JSON cannot hold.
 */
export function encodeValue(name: string, value: unknown): EncodedValue {
  const json = encode(value, { step: name, value, depth: 0, above: undefined });
  return { json, items: Array.isArray(value) ? value.length : 0 };
}

/** Where the walk is. It finds cycles, and is spelled out only for an error. */
interface Place {
  readonly step: PropertyKey;
  readonly value: unknown;
  readonly depth: number;
  readonly above: Place | undefined;
}

function encode(value: unknown, place: Place): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw refused(place, "it is not a finite number");
    return Object.is(value, -0) ? "-0" : String(value);
  }
  if (value === undefined) throw refused(place, "it is undefined");
  if (typeof value !== "object") throw refused(place, `it is a ${typeof value}`);
  if (isWithin(value, place.above)) throw refused(place, "it contains itself");
  if (place.depth === MAX_DEPTH) throw refused(place, `it is nested deeper than ${MAX_DEPTH} levels`);
  if (Object.getOwnPropertySymbols(value).length > 0) throw refused(place, "a symbol names one of its properties");
  return Array.isArray(value) ? encodeArray(value, place) : encodeObject(value, place);
}

function encodeArray(items: readonly unknown[], place: Place): string {
  if (Object.keys(items).length !== items.length) throw refused(place, "it is an array with holes or named properties");
  return `[${items.map((item, index) => encode(item, below(place, index, item))).join(",")}]`;
}

function encodeObject(value: object, place: Place): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  // A comparison with Object.prototype would refuse objects of another realm, which test runners and workers hand over.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw refused(place, "it is an instance of a class (a date, a map, an error …)");
  }
  const members = Object.keys(value).map((name) => {
    const member: unknown = Reflect.get(value, name);
    return `${JSON.stringify(name)}:${encode(member, below(place, name, member))}`;
  });
  return `{${members.join(",")}}`;
}

function below(above: Place, name: PropertyKey, value: unknown): Place {
  return { step: name, value, depth: above.depth + 1, above };
}

function isWithin(value: object, above: Place | undefined): boolean {
  for (let place = above; place; place = place.above) if (place.value === value) return true;
  return false;
}

function refused(culprit: Place, why: string): InvalidOptionError {
  const steps: PropertyKey[] = [];
  for (let place: Place | undefined = culprit; place; place = place.above) steps.unshift(place.step);
  return new InvalidOptionError(
    spell(steps),
    `${why}, which JSON cannot hold. Leave it out, or store what stands for it.`,
  );
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
