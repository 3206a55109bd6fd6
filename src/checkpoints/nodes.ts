import { hash } from "node:crypto";

// Values of checkpoints are made of nodes (redis/scripts/fragments/thread.ts has their form). A message is a node, whatever
// value it is in, so a conversation that is in every checkpoint is stored once. A run of messages becomes a tree, which is
// cut where its content says so: what was appended, removed or trimmed changes only the branches around it.

/** Either a node, or the short content of one that is not worth a name. */
export type Reference = string;

/** A name takes 22 characters, and Redis some 100 bytes more for a node and its count. */
const MAX_INLINE = 64;
/** A run is cut behind one of this many names, on average. */
const AVERAGE_BRANCH = 8;
const MAX_BRANCH = 32;
const NAME = 22;

/** How many characters of contents are remembered with their names, of this process. */
const MAX_REMEMBERED = 4_194_304;
const MAX_REMEMBERED_CONTENT = 65_536;

/**
 * Names of contents. A graph stores its state after each step, so nearly all of it was there before, and to look a content up
 * takes a tenth of the time of hashing it. What was not used for a while is forgotten: when `young` is full it becomes `old`.
 */
const remembered = { young: new Map<string, string>(), old: new Map<string, string>(), size: 0 };

function nameOf(content: string): string {
  if (content.length > MAX_REMEMBERED_CONTENT) return hashOf(content);
  const known = remembered.young.get(content);
  if (known !== undefined) return known;
  const name = remembered.old.get(content) ?? hashOf(content);
  remembered.young.set(content, name);
  remembered.size += content.length;
  if (remembered.size > MAX_REMEMBERED / 2) {
    remembered.old = remembered.young;
    remembered.young = new Map();
    remembered.size = 0;
  }
  return name;
}

function hashOf(content: string): string {
  return hash("sha256", content, "base64url").slice(0, NAME);
}

/** Returns the content of a node that is a text: JSON without line feeds. */
export function textContent(json: string): string {
  return `=${json}`;
}

export function bytesContent(type: string, bytes: Uint8Array): string {
  return `#${encodeURIComponent(type)} ${Buffer.from(bytes).toString("base64")}`;
}

/** Returns whether a reference holds its node. */
function isInline(reference: Reference): boolean {
  return /^[=#*+]/.test(reference);
}

/** The nodes of what is stored in one call. */
export class NewNodes {
  /** Name and content. What a node holds is in front of it. */
  readonly all: Map<string, string> = new Map();

  /** Makes a node of a content, unless it is short. */
  node(content: string): Reference {
    return content.length <= MAX_INLINE ? content : this.named(content);
  }

  /** Makes a node of a content, however short, and returns its name. */
  named(content: string): string {
    const name = nameOf(content);
    this.all.set(name, content);
    return name;
  }

  /**
   * Makes a node of a text in which others take the places of line feeds.
   *
   * @param names one for each line feed.
   */
  woven(text: string, names: readonly string[]): Reference {
    return this.node(`+${names.length}:${names.join("")}${text}`);
  }

  /** Makes a node of several, with a comma between each two. */
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

/** Cuts names behind those that end in one of some characters, so that equal parts of two runs are cut alike. */
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

/** A node is missing, or is not what its name says. */
export class DamagedNode extends Error {
  override readonly name = "DamagedNode";
}

/** The nodes of what was read in one call. */
export class StoredNodes {
  readonly #contents: ReadonlyMap<string, string>;
  readonly #texts = new Map<string, string>();

  /** @param flat name, content, … */
  constructor(flat: readonly string[]) {
    const contents = new Map<string, string>();
    for (let i = 0; i + 1 < flat.length; i += 2) contents.set(flat[i] ?? "", flat[i + 1] ?? "");
    this.#contents = contents;
  }

  get names(): Iterable<string> {
    return this.#contents.keys();
  }

  /**
   * Returns the text of a reference, or its bytes and their type.
   *
   * @throws DamagedNode
   */
  valueOf(reference: Reference): string | { readonly type: string; readonly bytes: Uint8Array } {
    const content = isInline(reference) ? reference : this.#content(reference);
    if (!content.startsWith("#")) return isInline(reference) ? this.#made(reference) : this.#text(reference);
    const space = content.indexOf(" ");
    if (space < 0) throw new DamagedNode();
    return {
      type: decodeURIComponent(content.slice(1, space)),
      // Not a Buffer: whoever stored a Uint8Array compares it with one.
      bytes: new Uint8Array(Buffer.from(content.slice(space + 1), "base64")),
    };
  }

  #content(name: string): string {
    const content = this.#contents.get(name);
    if (content === undefined || nameOf(content) !== name) throw new DamagedNode();
    return content;
  }

  #text(name: string): string {
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    const text = this.#made(this.#content(name));
    this.#texts.set(name, text);
    return text;
  }

  /** A name is a hash of its node, so that no node can hold itself. */
  #made(content: string): string {
    if (content.startsWith("=")) return content.slice(1);
    const isRun = content.startsWith("*");
    const colon = isRun ? 0 : content.indexOf(":");
    const count = isRun ? (content.length - 1) / NAME : Number(content.slice(1, colon));
    const start = colon + 1 + count * NAME;
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
  return Array.from({ length: count }, (_, index) => content.slice(from + index * NAME, from + (index + 1) * NAME));
}
