import { types } from "node:util";
import { isByteValue, reviveBytes, writeBytes } from "./bytes.js";
import { type Fields, isObject } from "./json.js";

/**
 * The kind and the path of a value that JSON lacks, such as `["Date", "additional_kwargs", "when"]`.
 *
 * The data contains a readable stand-in for the value (for a date, its ISO string), and the marks are stored beside the
 * data. Data that merely looks like a stand-in has no mark, so nothing needs escaping. A message without marks can be
 * read without a search for stand-ins.
 */
type Mark = readonly [kind: string, ...path: Step[]];
type Step = string | number;

/** Deeper than any real message, and shallow enough for the call stack. */
const MAX_DEPTH = 500;

const NUMBERS: ReadonlyMap<unknown, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["-0", -0],
]);

/** Thrown when a value cannot be stored. The message gives the reason and quotes no part of the value. */
export class Unstorable extends Error {
  override readonly name = "Unstorable";
}

/**
 * Writes stand-ins and collects their marks. The marks of a container's contents precede the mark of the container, so
 * that the contents are revived before the container is built from them.
 */
export class RichWriter {
  readonly marks: Mark[] = [];
  /** The path of the current value. After an error, the path of the value that caused it. */
  readonly path: Step[] = [];
  readonly #containers = new Set<object>();

  writeFields(fields: Fields): Fields {
    const copy: Fields = {};
    for (const key of Object.keys(fields)) {
      this.path.push(key);
      const written = this.#write(fields[key]);
      this.path.pop();
      if (written === undefined) continue;
      // Assigning to `__proto__` would change the prototype of the copy.
      if (key === "__proto__") Object.defineProperty(copy, key, { value: written, enumerable: true });
      else copy[key] = written;
    }
    return copy;
  }

  #writeItems(items: readonly unknown[]): unknown[] {
    const copy: unknown[] = [];
    for (let index = 0; index < items.length; index++) {
      const item = items[index];
      this.path.push(index);
      // In an array, JSON writes null for a value that it would omit from an object.
      copy.push(item === undefined ? this.#mark("undefined", null) : (this.#write(item) ?? null));
      this.path.pop();
    }
    return copy;
  }

  /** Returns the value or its stand-in, or `undefined` if JSON omits the value. */
  #write(value: unknown): unknown {
    if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
    if (typeof value === "number") return this.#writeNumber(value);
    if (typeof value === "bigint") return this.#mark("BigInt", String(value));
    return isObject(value) ? this.#writeObject(value) : undefined;
  }

  #writeNumber(value: number): unknown {
    if (Object.is(value, -0)) return this.#mark("Number", "-0");
    return Number.isFinite(value) ? value : this.#mark("Number", String(value));
  }

  #writeObject(value: Fields): unknown {
    if (types.isDate(value)) return this.#mark("Date", Number.isNaN(value.getTime()) ? null : value.toISOString());
    if (isByteValue(value)) return this.#mark(...writeBytes(value));
    if (types.isBoxedPrimitive(value)) return this.#write(value.valueOf());
    if (this.#containers.has(value)) throw new Unstorable("contains itself");
    if (this.#containers.size === MAX_DEPTH) throw new Unstorable(`is nested deeper than ${MAX_DEPTH} levels`);
    this.#containers.add(value);
    const written = this.#writeContainer(value);
    this.#containers.delete(value);
    return written;
  }

  #writeContainer(value: Fields): unknown {
    if (Array.isArray(value)) return this.#writeItems(value);
    if (types.isMap(value)) return this.#mark("Map", this.#writeItems([...value]));
    if (types.isSet(value)) return this.#mark("Set", this.#writeItems([...value]));
    const { toJSON } = value;
    if (typeof toJSON === "function") {
      const json: unknown = toJSON.call(value, String(this.path.at(-1)));
      if (json !== value) return this.#write(json);
    }
    return this.writeFields(value);
  }

  #mark(kind: string, standIn: unknown): unknown {
    this.marks.push([kind, ...this.path]);
    return standIn;
  }
}

/**
 * Replaces the stand-ins in `data` with their values. Returns `false` if a mark does not fit the data. In that case,
 * some stand-ins may already be replaced.
 */
export function reviveRich(data: Fields, marks: unknown): boolean {
  return Array.isArray(marks) && marks.every((mark: unknown) => Array.isArray(mark) && reviveMark(data, mark));
}

function reviveMark(data: Fields, [kind, ...path]: readonly unknown[]): boolean {
  let container: unknown = data;
  for (const [position, step] of path.entries()) {
    if (!isObject(container) || !isStep(step) || !Object.hasOwn(container, step)) return false;
    const child = container[step];
    if (position < path.length - 1) {
      container = child;
      continue;
    }
    const value = revive(kind, child);
    if (value === undefined && (kind !== "undefined" || child !== null)) return false;
    // Safe for `__proto__` too, because the existing own property hides the setter.
    container[step] = value;
    return true;
  }
  return false;
}

function isStep(step: unknown): step is Step {
  return typeof step === "string" || typeof step === "number";
}

/** Returns the value, or `undefined` if the kind is unknown or the stand-in does not fit the kind. */
function revive(kind: unknown, standIn: unknown): unknown {
  switch (kind) {
    case "Date":
      return reviveDate(standIn);
    case "Number":
      return NUMBERS.get(standIn);
    case "BigInt":
      return typeof standIn === "string" && /^-?\d+$/.test(standIn) ? BigInt(standIn) : undefined;
    case "Map":
      return Array.isArray(standIn) && standIn.every(isEntry) ? new Map(standIn) : undefined;
    case "Set":
      return Array.isArray(standIn) ? new Set<unknown>(standIn) : undefined;
    default:
      return reviveBytes(kind, standIn);
  }
}

function reviveDate(standIn: unknown): Date | undefined {
  if (standIn === null) return new Date(Number.NaN);
  if (typeof standIn !== "string") return undefined;
  const date = new Date(standIn);
  // Accepts only the text that the writer writes. Date also parses other text, such as "card 4111".
  return !Number.isNaN(date.getTime()) && date.toISOString() === standIn ? date : undefined;
}

function isEntry(value: unknown): value is [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}
