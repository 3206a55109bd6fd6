import type { BaseMessage } from "@langchain/core/messages";
import { jsonField, jsonNames } from "../frameworks/message-json.js";

/** The longest content to remember, in characters. */
const MAX_CONTENT = 65_536;
/** How deep the value of a field may be nested for its message to be remembered. */
const MAX_DEPTH = 16;

/** A copy of a value of which JSON is made: of plain objects, arrays and primitive values. */
type Copy = string | number | boolean | null | undefined | readonly Copy[] | CopyOfObject;

interface CopyOfObject {
  readonly names: readonly string[];
  readonly values: readonly Copy[];
}

/** Stands for the copy of a value whose JSON may change without a change that can be seen. */
const OPAQUE = Symbol("opaque");

interface Remembered {
  readonly fields: CopyOfObject;
  readonly content: string;
}

/**
 * Remembers the contents that were made of messages, as long as the messages exist. A graph stores its state after each
 * step, so most messages are encoded again and again. Comparing the fields of a message with a copy of them takes a
 * tenth of the time of encoding it.
 */
export class MessageContents {
  readonly #remembered = new WeakMap<BaseMessage, Remembered>();

  /** Returns the content of a message; `undefined` if it is not known, or if the message was changed since. */
  of(message: BaseMessage): string | undefined {
    const remembered = this.#remembered.get(message);
    if (remembered === undefined) return undefined;
    const names = jsonNames(message);
    const { fields, content } = remembered;
    const isSame =
      names?.length === fields.names.length &&
      names.every(
        (name, index) => name === fields.names[index] && isCopy(fields.values[index], jsonField(message, name)),
      );
    return isSame ? content : undefined;
  }

  /**
   * Copies the fields of a message now.
   *
   * @returns a function that remembers the content that was made of these fields.
   */
  noting(message: BaseMessage): (content: string) => void {
    const names = jsonNames(message);
    const values = names?.map((name) => copyOf(jsonField(message, name), 0));
    return (content) => {
      if (names === undefined || values === undefined || content.length > MAX_CONTENT || !areCopies(values)) return;
      this.#remembered.set(message, { fields: { names, values }, content });
    };
  }
}

function copyOf(value: unknown, depth: number): Copy | typeof OPAQUE {
  if (value === null || isPrimitive(value)) return value;
  if (typeof value !== "object" || depth > MAX_DEPTH || !isPlain(value)) return OPAQUE;
  if (Array.isArray(value)) {
    const items = value.map((item) => copyOf(item, depth + 1));
    return areCopies(items) ? items : OPAQUE;
  }
  const names = Object.keys(value);
  const values = names.map((name) => copyOf((value as Readonly<Record<string, unknown>>)[name], depth + 1));
  return areCopies(values) ? { names, values } : OPAQUE;
}

/** Returns whether a value is a primitive one that JSON can hold, or `undefined`, for which the serializer has a form. */
function isPrimitive(value: unknown): value is string | number | boolean | undefined {
  return ["string", "number", "boolean", "undefined"].includes(typeof value);
}

function areCopies(values: readonly (Copy | typeof OPAQUE)[]): values is readonly Copy[] {
  return !values.includes(OPAQUE);
}

/** Returns whether the JSON of a value is still that of its copy. */
function isCopy(copy: Copy, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return copy === value;
  if (typeof copy !== "object" || copy === null || !isPlain(value)) return false;
  if (isList(copy)) {
    return (
      Array.isArray(value) && value.length === copy.length && copy.every((item, index) => isCopy(item, value[index]))
    );
  }
  if (Array.isArray(value)) return false;
  const names = Object.keys(value);
  return (
    names.length === copy.names.length &&
    names.every(
      (name, index) =>
        name === copy.names[index] && isCopy(copy.values[index], (value as Readonly<Record<string, unknown>>)[name]),
    )
  );
}

function isList(copy: readonly Copy[] | CopyOfObject): copy is readonly Copy[] {
  return Array.isArray(copy);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  const isKnown = prototype === Object.prototype || prototype === Array.prototype || prototype === null;
  return isKnown && !("toJSON" in value);
}
