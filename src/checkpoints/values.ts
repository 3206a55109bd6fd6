import { randomUUID } from "node:crypto";
import { type BaseMessage, isBaseMessage } from "@langchain/core/messages";
import type { Stored } from "../redis/sealing.js";
import { jsonNames } from "../frameworks/message-json.js";
import { MessageContents } from "./message-contents.js";
import type { Naming } from "./names.js";
import { bytesContent, DamagedNode, NewNodes, type Reference, type StoredNodes, textContent } from "./nodes.js";

/** Turns values into bytes and back. It has the form of LangGraph's `SerializerProtocol`. */
export interface Serializer {
  /** Returns the bytes of a value, and a name for their form. */
  dumpsTyped(value: unknown): Promise<[string, Uint8Array]>;
  /** Returns the value of bytes in a form that `dumpsTyped` named. */
  loadsTyped(type: string, data: Uint8Array | string): Promise<unknown>;
}

/** Encoded values, in the order in which they were passed. */
export interface Encoded {
  readonly references: readonly Reference[];
  /** The values that are kept apart. Each reference holds its content itself, however long. */
  readonly apart: readonly Reference[];
  readonly nodes: NewNodes;
}

/**
 * Thrown when a value would not come back from the serializer: if it holds a bigint, or an object that looks like one of
 * LangChain's, but that LangChain cannot load.
 */
export class UnserializableValue extends Error {
  override readonly name = "UnserializableValue";
  /** The index of the value among those that were passed; `undefined` for one that is kept apart. */
  readonly index: number | undefined;

  constructor(index: number | undefined) {
    super();
    this.index = index;
  }
}

/** Makes nodes of values. Called again when the key that names the nodes has changed. */
export type Encode = (naming: Naming) => Encoded;

/** What the JSON of an object of LangChain begins with. */
const LANGCHAIN_OBJECT = '"lc":1';

/** Turns values into nodes and back. */
export class Values {
  readonly #serde: Serializer;
  readonly #shares: boolean;
  readonly #known = new MessageContents();

  /**
   * @param serde the serializer.
   * @param shares whether the serializer's text of a value contains the texts of its parts, as JSON does. Then messages
   * become nodes of their own; otherwise each value is one node.
   */
  constructor(serde: Serializer, shares: boolean) {
    this.#serde = serde;
    this.#shares = shares;
  }

  /** @throws UnserializableValue */
  dump(values: readonly unknown[], apart: readonly unknown[] = []): Promise<Encode> {
    return this.#shares ? this.#shared(values, apart) : this.#whole(values, apart);
  }

  /** @throws DamagedNode */
  async decode(nodes: StoredNodes, reference: Stored): Promise<unknown> {
    const value = nodes.valueOf(reference);
    if (typeof value !== "string") return this.#serde.loadsTyped(value.type, value.bytes);
    try {
      return await this.#serde.loadsTyped("json", value);
    } catch {
      // The error quotes the text, which may be secret, so it is not passed on.
      throw new DamagedNode();
    }
  }

  async #whole(values: readonly unknown[], apart: readonly unknown[]): Promise<Encode> {
    const dumpAll = (some: readonly unknown[]): Promise<[string, Uint8Array][]> =>
      Promise.all(some.map((value) => this.#serde.dumpsTyped(value)));
    const [dumped, dumpedApart] = await Promise.all([dumpAll(values), dumpAll(apart)]);
    const contents = dumped.map(([type, bytes]) => bytesContent(type, bytes));
    const apartContents = dumpedApart.map(([type, bytes]) => bytesContent(type, bytes));
    return (naming) => {
      const nodes = new NewNodes(naming);
      return { references: contents.map((content) => nodes.node(content)), apart: apartContents, nodes };
    };
  }

  /**
   * Dumps all values and their messages, without those that are known, in one call of the serializer. A random marker
   * stands for each message in its value, and the text is later cut at the markers. The marker is new in each call, so
   * no text of a user can imitate it.
   */
  async #shared(given: readonly unknown[], apart: readonly unknown[]): Promise<Encode> {
    // JSON leaves out a function or a symbol, as if it were not there.
    const values = given.map((value) => (typeof value === "function" || typeof value === "symbol" ? undefined : value));
    const cut = randomUUID();
    const messages = new Map<BaseMessage, number>();
    const placeOf = (message: BaseMessage): string => {
      const place = messages.get(message) ?? messages.size;
      messages.set(message, place);
      return `${cut}:${place}`;
    };
    // Copy bytes now, before the first await: a caller may change them after the call.
    const binary = values.map((value) => (value instanceof Uint8Array ? bytesContent("bytes", value) : undefined));
    const plain = values.map((value, index) => (binary[index] === undefined ? withoutMessages(value, placeOf) : null));
    const ofMessages = [...messages.keys()].map((message) => this.#known.of(message));
    // Copy the fields of messages now too.
    const unknown = [...messages].filter(([, place]) => ofMessages[place] === undefined);
    const remember = unknown.map(([message]) => this.#known.noting(message));
    const texts = await this.#dumpAll([...apart, ...plain, ...unknown.map(([message]) => message)], cut);
    const others = apart.length + plain.length;
    const isDoubtful = (text: string, index: number): boolean => {
      const [message] = unknown[index - others] ?? [];
      // Each message is an object of LangChain itself. Those of its own classes can be loaded.
      return text.includes(LANGCHAIN_OBJECT, message !== undefined && jsonNames(message) !== undefined ? 2 : 0);
    };
    if (texts === undefined || !(await this.#areLoadable(texts.filter(isDoubtful)))) {
      throw new UnserializableValue(await this.#firstUnserializable(values));
    }
    for (const [index, [, place]] of unknown.entries()) {
      const content = textContent(texts[apart.length + plain.length + index] ?? "");
      remember[index]?.(content);
      ofMessages[place] = content;
    }
    const ofApart = texts.slice(0, apart.length).map(textContent);
    const pieces = plain.map((_, index) => (texts[apart.length + index] ?? "").split(`"${cut}:`));
    return (naming) => {
      const nodes = new NewNodes(naming);
      const names = ofMessages.map((content = "") => nodes.named(content));
      const references = pieces.map((some, index) => {
        const bytes = binary[index];
        return bytes === undefined ? woven(some, names, nodes) : nodes.node(bytes);
      });
      return { references, apart: ofApart, nodes };
    };
  }

  async #firstUnserializable(values: readonly unknown[]): Promise<number | undefined> {
    for (const [index, value] of values.entries()) {
      const texts = await this.#dumpAll([value], "");
      if (texts === undefined || !(await this.#areLoadable(texts))) return index;
    }
    return undefined;
  }

  async #areLoadable(texts: readonly string[]): Promise<boolean> {
    const results = await Promise.allSettled(texts.map((text) => this.#serde.loadsTyped("json", text)));
    return results.every(({ status }) => status === "fulfilled");
  }

  /** Returns the texts of values; `undefined` if the serializer has no form for one of them. */
  async #dumpAll(values: readonly unknown[], cut: string): Promise<string[] | undefined> {
    if (values.length === 0) return [];
    const separated: unknown[] = [];
    for (const value of values) separated.push(value, cut);
    separated.pop();
    const [, bytes] = await this.#serde.dumpsTyped(separated);
    const text = new TextDecoder().decode(bytes);
    // LangGraph's serializer replaces all of what it cannot serialize by a sentence that says so.
    if (!text.startsWith("[")) return undefined;
    return text.slice(1, -1).split(`,"${cut}",`);
  }
}

/**
 * Makes a node of a text that was cut at its messages.
 *
 * @param pieces the text in front of the first message, then for each message its number, a quotation mark, and the
 * text behind the message.
 */
function woven([first = "", ...others]: readonly string[], names: readonly string[], nodes: NewNodes): Reference {
  if (others.length === 0) return nodes.node(textContent(first));
  const between = [first];
  const runs: string[][] = [];
  for (const piece of others) {
    const end = piece.indexOf('"');
    const name = names[Number(piece.slice(0, end))] ?? "";
    const behind = piece.slice(end + 1);
    // Messages with only a comma between them belong to one list.
    if (runs.length > 0 && between.at(-1) === ",") {
      runs.at(-1)?.push(name);
      between[between.length - 1] = behind;
    } else {
      runs.push([name]);
      between.push(behind);
    }
  }
  return nodes.woven(
    between.join("\n"),
    runs.map((run) => nodes.run(run)),
  );
}

/** Thrown when a value contains itself. */
class CyclicValue extends Error {}

/**
 * Returns a value in which a text stands for each message. A part without messages stays the same object. Objects of
 * other classes are left to the serializer.
 */
function withoutMessages(value: unknown, placeOf: (message: BaseMessage) => string): unknown {
  try {
    return replaced(value, placeOf, new Set());
  } catch (error) {
    // Leave a cyclic value whole, because where a serializer breaks a cycle depends on where it begins.
    if (error instanceof CyclicValue) return value;
    throw error;
  }
}

function replaced(value: unknown, placeOf: (message: BaseMessage) => string, above: Set<object>): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isMessage(value)) return placeOf(value);
  if (Object.getPrototypeOf(value) === Map.prototype)
    return replacedMap(value as Map<unknown, unknown>, placeOf, above);
  const isList = Array.isArray(value);
  if (!isList && !isPlain(value) && !isSend(value)) return value;
  if (above.has(value)) throw new CyclicValue();
  above.add(value);
  try {
    if (isList) return replacedList(value, placeOf, above);
    if (isSend(value)) {
      const args = replaced(value.args, placeOf, above);
      return args === value.args ? value : { ...value, lg_name: "Send", args };
    }
    return replacedFields(value as Readonly<Record<string, unknown>>, placeOf, above);
  } finally {
    above.delete(value);
  }
}

function replacedMap(
  map: Iterable<[unknown, unknown]>,
  placeOf: (message: BaseMessage) => string,
  above: Set<object>,
): unknown {
  const entries = [...map];
  const other = replaced(entries, placeOf, above);
  return other === entries ? map : new Map(other as typeof entries);
}

function replacedList(
  list: readonly unknown[],
  placeOf: (message: BaseMessage) => string,
  above: Set<object>,
): unknown {
  let copy: unknown[] | undefined;
  for (const [index, item] of list.entries()) {
    const other = replaced(item, placeOf, above);
    if (other !== item && copy === undefined) copy = list.slice(0, index);
    copy?.push(other);
  }
  return copy ?? list;
}

function replacedFields(
  fields: Readonly<Record<string, unknown>>,
  placeOf: (message: BaseMessage) => string,
  above: Set<object>,
): unknown {
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(fields)) {
    const other = replaced(fields[name], placeOf, above);
    if (other === fields[name]) continue;
    // Create the copy without a prototype, so that "__proto__" is a name like any other.
    copy ??= Object.assign(Object.create(null) as Record<string, unknown>, fields);
    copy[name] = other;
  }
  return copy ?? fields;
}

function isMessage(value: object): value is BaseMessage {
  return "_getType" in value && isBaseMessage(value);
}

/**
 * Returns whether a value is a `Send` of LangGraph: a task for a node, with the node's input, which may be the whole
 * state.
 */
function isSend(value: object): value is { readonly lg_name: "Send"; readonly args: unknown } {
  return "lg_name" in value && value.lg_name === "Send" && "args" in value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !("toJSON" in value);
}
