import { InvalidOptionError } from "../errors.js";

/** The greatest depth of a value: deeper than real documents, and shallow enough for JSON.parse and this walk. */
const MAX_DEPTH = 500;

/**
 * Returns the JSON text that parses to exactly this value. JSON.stringify would silently leave out or replace parts that
 * JSON cannot represent.
 *
 * @throws InvalidOptionError with the path to the first part that JSON cannot represent.
 */
export function jsonTextOf(name: string, value: unknown): string {
  return encode(value, { step: name, value, depth: 0, above: undefined });
}

/** The place of the walk. It serves to find cycles, and becomes a path only when there is an error. */
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
  // A comparison with Object.prototype would refuse objects of another realm, which test runners and workers pass in.
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
    `${why}, and JSON cannot represent it. Leave it out, or convert it first, for example to a string.`,
  );
}

/** Returns a path as JavaScript spells it: `items[2].price`. */
export function spell(path: readonly PropertyKey[]): string {
  return path.reduce<string>((before, name) => {
    if (typeof name === "number") return `${before}[${name}]`;
    const text = String(name);
    if (!/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(text)) return `${before}[${JSON.stringify(text)}]`;
    return before === "" ? text : `${before}.${text}`;
  }, "");
}
