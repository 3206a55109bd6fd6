import { historyKeys, itemKeys, literal, memoryKeys, ownerKeys, threadKeys } from "./keys.js";

// This file parses keys that SCAN found, as keys.ts spells them. To use a key, spell it anew from its parts, because
// the client may put a prefix of its own in front of it.

/** The holder of a data key: a history, a namespace, a thread, a partition, or a user with everything of the user. */
export interface Holder {
  readonly kind: "history" | "memory" | "thread" | "items" | "user";
  /** The id of a history or thread, the namespace, the name of the partition, or the tag of the user. */
  readonly name: string;
}

export interface FoundKey {
  readonly holder: Holder;
  /** The parts of the key behind the holder, in encoded form. */
  readonly parts: readonly string[];
}

/** Returns a pattern for all keys that have a data key or may be sealed with one. */
export function contentPattern(prefix: string): string {
  return `${literal(prefix)}:*:{*}:*`;
}

/** Returns a pattern for the data keys. */
export function dataKeyPattern(prefix: string): string {
  return `${literal(prefix)}:*:{*}:data-key`;
}

const behindPrefix = /^:(history|memory|thread|items|user):\{([^{}]*)\}:(.+)$/;

/**
 * Returns the parts of a key; `undefined` for a key of another kind.
 *
 * @param prefix the prefix as the server spells it.
 */
export function foundKey(prefix: string, key: string): FoundKey | undefined {
  const [, kind = "", spelled = "", rest = ""] = behindPrefix.exec(key.slice(prefix.length)) ?? [];
  if (kind === "" || !key.startsWith(prefix)) return undefined;
  // A partition keeps its encoded name, whose labels are encoded one by one.
  const name = kind === "items" ? spelled : decoded(spelled);
  return name === undefined ? undefined : { holder: { kind: kind as Holder["kind"], name }, parts: rest.split(":") };
}

/** Returns the id that a part of a key encodes; `undefined` for a part that this library did not write. */
export function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

const keysOfKind = {
  history: historyKeys,
  memory: memoryKeys,
  thread: threadKeys,
  items: itemKeys,
  user: ownerKeys,
} as const;

/** Returns the key of the holder's data key. */
export function dataKeyOf(prefix: string, { kind, name }: Holder): string {
  return keysOfKind[kind](prefix, name).dataKey;
}
