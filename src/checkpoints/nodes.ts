import { Unreadable } from "../codec/unreadable.js";
import type { Stored } from "../redis/sealing.js";
import { byHash, NAME_LENGTH, nameOf, type Naming } from "./names.js";
import { isSealed, type OpenedParts } from "./parts.js";

// Values of checkpoints are made of nodes; redis/scripts/fragments/thread.ts describes their form. A message is a node
// of its own, so a conversation that every checkpoint contains is stored once. A run of messages becomes a tree. The
// content decides where the tree is cut, so appending, removing or trimming messages changes only the branches around
// them.

/** The name of a node, or a content that is too short to be worth a name. */
export type Reference = string;

/**
 * The longest content, in characters, that is used without a name. A name takes 22 characters, and Redis needs about
 * 100 bytes more for a node and its count.
 */
const MAX_INLINE = 64;
/** The average number of names between two cuts of a run. */
const AVERAGE_BRANCH = 8;
const MAX_BRANCH = 32;

/** Returns the content of a node that is a text: JSON without line feeds. */
export function textContent(json: string): string {
  return `=${json}`;
}

export function bytesContent(type: string, bytes: Uint8Array): string {
  return `#${encodeURIComponent(type)} ${Buffer.from(bytes).toString("base64")}`;
}

/** Returns whether a reference holds the content itself instead of a name. */
function isInline(reference: Reference): boolean {
  return /^[=#*+]/.test(reference);
}

/** The nodes of the values that one call stores. */
export class NewNodes {
  /** Contents by name. A node comes after the nodes that it refers to. */
  readonly all: Map<string, string> = new Map();
  readonly #naming: Naming;

  constructor(naming: Naming) {
    this.#naming = naming;
  }

  /** Returns a reference to a content. Makes a node of it unless it is short. */
  node(content: string): Reference {
    return content.length <= MAX_INLINE ? content : this.named(content);
  }

  /** Makes a node of a content, however short, and returns its name. */
  named(content: string): string {
    const name = nameOf(content, this.#naming);
    this.all.set(name, content);
    return name;
  }

  /**
   * Makes a node of a text in which each line feed stands for another node.
   *
   * @param names one name for each line feed.
   */
  woven(text: string, names: readonly string[]): Reference {
    return this.node(`+${names.length}:${names.join("")}${text}`);
  }

  /** Makes a node of several nodes, with a comma between each two. */
  run(names: readonly string[]): string {
    let level = names;
    while (level.length > MAX_BRANCH) level = branches(level).map((branch) => this.#branch(branch));
    return this.#branch(level);
  }

  #branch(names: readonly string[]): string {
    const [only] = names;
    return names.length === 1 && only !== undefined ? only : this.named(`*${names.join("")}`);
  }
}

/**
 * Cuts a run of names behind each name that begins with one of a few characters, so that equal parts of two runs are
 * cut alike.
 */
function branches(names: readonly string[]): string[][] {
  const cut: string[][] = [];
  let branch: string[] = [];
  for (const name of names) {
    branch.push(name);
    if (branch.length === MAX_BRANCH || name.charCodeAt(0) % AVERAGE_BRANCH === 0) {
      cut.push(branch);
      branch = [];
    }
  }
  if (branch.length > 0) cut.push(branch);
  return cut;
}

/** Thrown when a node is missing, does not match its name, or cannot be opened. */
export class DamagedNode extends Error {
  override readonly name = "DamagedNode";
  /** The reason why the node cannot be opened, if it is there. */
  readonly reason: string | undefined;

  constructor(reason?: string) {
    super();
    this.reason = reason;
  }
}

const NOT_OPENED: OpenedParts = new Map();

/** The nodes that one call has read. */
export class StoredNodes {
  readonly #contents: ReadonlyMap<string, Stored>;
  readonly #opened: OpenedParts;
  readonly #texts = new Map<string, string>();

  /**
   * @param flat names and contents, in turn.
   * @param opened the opened form of every stored value that may be sealed or compressed, including references.
   */
  constructor(flat: readonly Stored[], opened: OpenedParts = NOT_OPENED) {
    const contents = new Map<string, Stored>();
    for (let i = 0; i + 1 < flat.length; i += 2) contents.set(String(flat[i]), flat[i + 1] ?? "");
    this.#contents = contents;
    this.#opened = opened;
  }

  get names(): Iterable<string> {
    return this.#contents.keys();
  }

  /**
   * Returns the text of a reference, or its bytes and their type.
   *
   * @throws DamagedNode
   */
  valueOf(reference: Stored): string | { readonly type: string; readonly bytes: Uint8Array } {
    const read = this.#read(reference);
    // A sealed reference to a node holds a text that consists of this node alone.
    const name = isInline(read) ? /^\+1:([\w-]{22})\n$/.exec(read)?.[1] : read;
    const content = name === undefined ? read : this.#content(name);
    if (!content.startsWith("#")) return name === undefined ? this.#made(content) : this.#text(name);
    const space = content.indexOf(" ");
    if (space < 0) throw new DamagedNode();
    return {
      type: decodeURIComponent(content.slice(1, space)),
      // Return a plain Uint8Array, not a Buffer: a caller who stored a Uint8Array may compare the two.
      bytes: new Uint8Array(Buffer.from(content.slice(space + 1), "base64")),
    };
  }

  #read(stored: Stored): string {
    const read = this.#opened.get(stored) ?? stored;
    if (read instanceof Unreadable) throw new DamagedNode(read.reason);
    if (typeof read !== "string") throw new DamagedNode();
    return read;
  }

  #content(name: string): string {
    const stored = this.#contents.get(name);
    if (stored === undefined) throw new DamagedNode();
    const content = this.#read(stored);
    // A sealed node needs no such check, because it is sealed for its name.
    if (!isSealed(stored) && nameOf(content, byHash) !== name) throw new DamagedNode();
    return content;
  }

  #text(name: string): string {
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    const text = this.#made(this.#content(name));
    this.#texts.set(name, text);
    return text;
  }

  /**
   * Returns the text of a content. The recursion ends, because a name is a hash of its node and so no node can contain
   * itself.
   */
  #made(content: string): string {
    if (content.startsWith("=")) return content.slice(1);
    const isRun = content.startsWith("*");
    const colon = isRun ? 0 : content.indexOf(":");
    const count = isRun ? (content.length - 1) / NAME_LENGTH : Number(content.slice(1, colon));
    const start = colon + 1 + count * NAME_LENGTH;
    if (!/^[*+]/.test(content) || colon < 0 || !Number.isInteger(count) || start > content.length) {
      throw new DamagedNode();
    }
    const texts = namesIn(content, colon + 1, count).map((name) => this.#text(name));
    if (isRun) return texts.join(",");
    const pieces = content.slice(start).split("\n");
    if (pieces.length !== count + 1) throw new DamagedNode();
    return pieces.map((piece, index) => piece + (texts[index] ?? "")).join("");
  }
}

function namesIn(content: string, from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    content.slice(from + index * NAME_LENGTH, from + (index + 1) * NAME_LENGTH),
  );
}
