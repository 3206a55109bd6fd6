import { randomUUID } from "node:crypto";
import { type BaseMessage, isBaseMessage } from "@langchain/core/messages";
import type { Stored } from "../redis/sealing.js";
import type { Naming } from "./names.js";
import { bytesContent, NewNodes, type Reference, type StoredNodes, textContent } from "./nodes.js";

/** What turns values into bytes: LangGraph's `SerializerProtocol`. */
export interface Serializer {
  dumpsTyped(value: unknown): Promise<[string, Uint8Array]>;
  loadsTyped(type: string, data: Uint8Array | string): Promise<unknown>;
}

/** Values as they are stored: in the order in which they were given. */
export interface Encoded {
  readonly references: readonly Reference[];
  /** What was to be kept apart: each as a reference that holds its node, however long. */
  readonly apart: readonly Reference[];
  readonly nodes: NewNodes;
}

/** Makes nodes of values. Several times, where the key changes that names them. */
export type Encode = (naming: Naming) => Encoded;

/** Turns values into nodes and back. */
export class Values {
  readonly #serde: Serializer;
  readonly #shares: boolean;

  /**
   * @param serde
   * @param shares whether the text that it makes of a value holds the texts of what is inside, as JSON does. Then messages
   * are nodes of their own. Otherwise each value is one node.
   */
  constructor(serde: Serializer, shares: boolean) {
    this.#serde = serde;
    this.#shares = shares;
  }

  dump(values: readonly unknown[], apart: readonly unknown[] = []): Promise<Encode> {
    return this.#shares ? this.#shared(values, apart) : this.#whole(values, apart);
  }

  /** @throws DamagedNode */
  async decode(nodes: StoredNodes, reference: Stored): Promise<unknown> {
    const value = nodes.valueOf(reference);
    return typeof value === "string"
      ? this.#serde.loadsTyped("json", value)
      : this.#serde.loadsTyped(value.type, value.bytes);
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
   * Dumps all values and all their messages at once. In the place of a message a value has a random text, by which its text
   * is cut. It is random in each call, so nothing that a user said can imitate it.
   */
  async #shared(values: readonly unknown[], apart: readonly unknown[]): Promise<Encode> {
    const cut = randomUUID();
    const messages = new Map<BaseMessage, number>();
    const placeOf = (message: BaseMessage): string => {
      const place = messages.get(message) ?? messages.size;
      messages.set(message, place);
      return `${cut}:${place}`;
    };
    // At once, as the texts are: a caller may change bytes that it has handed over.
    const binary = values.map((value) => (value instanceof Uint8Array ? bytesContent("bytes", value) : undefined));
    const plain = values.map((value, index) => (binary[index] === undefined ? withoutMessages(value, placeOf) : null));
    const texts = await this.#dumpAll([...apart, ...plain, ...messages.keys()], cut);
    const ofMessages = texts.slice(apart.length + plain.length).map(textContent);
    const ofApart = texts.slice(0, apart.length).map(textContent);
    const pieces = plain.map((_, index) => (texts[apart.length + index] ?? "").split(`"${cut}:`));
    return (naming) => {
      const nodes = new NewNodes(naming);
      const names = ofMessages.map((content) => nodes.named(content));
      const references = pieces.map((some, index) => {
        const bytes = binary[index];
        return bytes === undefined ? woven(some, names, nodes) : nodes.node(bytes);
      });
      return { references, apart: ofApart, nodes };
    };
  }

  async #dumpAll(values: readonly unknown[], cut: string): Promise<string[]> {
    if (values.length === 0) return [];
    const separated: unknown[] = [];
    for (const value of values) separated.push(value, cut);
    separated.pop();
    const [, bytes] = await this.#serde.dumpsTyped(separated);
    const text = new TextDecoder().decode(bytes);
    return text.slice(1, -1).split(`,"${cut}",`);
  }
}

/** @param pieces a text, and then for each message its place, a quotation mark, and the text behind it. */
function woven([first = "", ...others]: readonly string[], names: readonly string[], nodes: NewNodes): Reference {
  if (others.length === 0) return nodes.node(textContent(first));
  const between = [first];
  const runs: string[][] = [];
  for (const piece of others) {
    const end = piece.indexOf('"');
    const name = names[Number(piece.slice(0, end))] ?? "";
    const behind = piece.slice(end + 1);
    // With nothing but a comma between them, they are of one list.
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

/** A value that holds itself. */
class CyclicValue extends Error {}

/**
 * Returns a value in which a text stands for each message. What has no message inside stays the same object. Objects with a
 * class of their own are left to the serializer.
 */
function withoutMessages(value: unknown, placeOf: (message: BaseMessage) => string): unknown {
  try {
    return replaced(value, placeOf, new Set());
  } catch (error) {
    // How a serializer breaks a cycle depends on where it begins.
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
    // Without a prototype: "__proto__" is a name like others.
    copy ??= Object.assign(Object.create(null) as Record<string, unknown>, fields);
    copy[name] = other;
  }
  return copy ?? fields;
}

function isMessage(value: object): value is BaseMessage {
  return "_getType" in value && isBaseMessage(value);
}

/** A `Send` of LangGraph: a task for a node, with what the node is given, which may be the whole state. */
function isSend(value: object): value is { readonly lg_name: "Send"; readonly args: unknown } {
  return "lg_name" in value && value.lg_name === "Send" && "args" in value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !("toJSON" in value);
}
