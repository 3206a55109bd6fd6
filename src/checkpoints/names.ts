import { hash } from "node:crypto";
import type { Sealer } from "../redis/sealing.js";

/** The length of a node's name in characters; together they hold 132 bits. */
export const NAME_LENGTH = 22;

/** How many characters of contents this process remembers together with their names, in all and of one content. */
const MAX_REMEMBERED = 4_194_304;
const MAX_REMEMBERED_CONTENT = 65_536;

/** A way to name contents. */
export interface Naming {
  /** Identifies the key and the thread for which names are made; `""` for the hash that needs no key. */
  readonly by: string;
  readonly make: (content: string) => string;
}

interface Named {
  readonly by: string;
  readonly name: string;
}

/**
 * Remembered names of contents. A graph stores its state after each step, so most contents have been named before, and
 * looking a content up takes a tenth of the time of hashing it. When `young` is full, it becomes `old`, and what `old`
 * held is forgotten.
 */
const remembered = { young: new Map<string, Named>(), old: new Map<string, Named>(), size: 0 };

/** Names a node by a hash of its content. */
export const byHash: Naming = {
  by: "",
  make: (content) => hash("sha256", content, "base64url").slice(0, NAME_LENGTH),
};

/**
 * Returns the naming of a thread's nodes. Sealed nodes are named by a keyed hash: without the key, nobody can check
 * whether a guessed content is stored.
 */
export function namingOf(sealer: Sealer | undefined, threadId: string): Naming {
  if (sealer === undefined || sealer.isPlain) return byHash;
  return {
    by: sealer.name("thread", threadId),
    make: (content) => sealer.name("node", threadId, content),
  };
}

export function nameOf(content: string, { by, make }: Naming): string {
  if (content.length > MAX_REMEMBERED_CONTENT) return make(content);
  const young = remembered.young.get(content);
  if (young?.by === by) return young.name;
  const old = remembered.old.get(content);
  const name = old?.by === by ? old.name : make(content);
  remembered.young.set(content, { by, name });
  if (young === undefined) remembered.size += content.length;
  if (remembered.size > MAX_REMEMBERED / 2) {
    remembered.old = remembered.young;
    remembered.young = new Map();
    remembered.size = 0;
  }
  return name;
}
