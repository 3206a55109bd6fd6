import { hash } from "node:crypto";
import type { Sealer } from "../redis/sealing.js";

/** How many characters a name of a node has: 132 bits. */
export const NAME_LENGTH = 22;

/** How many characters of contents are remembered with their names, of this process. */
const MAX_REMEMBERED = 4_194_304;
const MAX_REMEMBERED_CONTENT = 65_536;

/** How contents are named. */
export interface Naming {
  /** Which key names them, and in which thread; `""` for the hash that everybody can make. */
  readonly by: string;
  readonly make: (content: string) => string;
}

interface Named {
  readonly by: string;
  readonly name: string;
}

/**
 * Names of contents. A graph stores its state after each step, so nearly all of it was there before, and to look a content up
 * takes a tenth of the time of hashing it. What was not used for a while is forgotten: when `young` is full it becomes `old`.
 */
const remembered = { young: new Map<string, Named>(), old: new Map<string, Named>(), size: 0 };

/** Names a node by a hash of its content. */
export const byHash: Naming = {
  by: "",
  make: (content) => hash("sha256", content, "base64url").slice(0, NAME_LENGTH),
};

/** Names sealed nodes by a keyed hash: who lacks the key cannot find out whether a content that he guesses is there. */
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
