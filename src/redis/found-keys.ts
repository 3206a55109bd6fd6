import { historyKeys, itemKeys, literal, memoryKeys, ownerKeys, threadKeys } from "./keys.js";

// Reads the keys that a SCAN found, as keys.ts spells them. A key is spelled anew from what was read, because the client may
// put a prefix of its own in front of it.

/** What has a data key of its own: a history, a namespace, a thread, a partition, or all of a user's. */
export interface Holder {
  readonly kind: "history" | "memory" | "thread" | "items" | "user";
  /** The id of a history or thread, the namespace, the name of the partition, or the tag of the user. */
  readonly name: string;
}

export interface FoundKey {
  readonly holder: Holder;
  /** The parts of the key behind the holder, as they are spelled. */
  readonly parts: readonly string[];
}

/** Matches all that has a data key, or is sealed with one. */
export function contentPattern(prefix: string): string {
  return `${literal(prefix)}:*:{*}:*`;
}

/** Matches the data keys. */
export function dataKeyPattern(prefix: string): string {
  return `${literal(prefix)}:*:{*}:data-key`;
}

const behindPrefix = /^:(history|memory|thread|items|user):\{([^{}]*)\}:(.+)$/;

/**
 * Returns what a key is, `undefined` for a key of another kind.
 *
 * @param prefix the prefix as the server spells it.
 */
export function foundKey(prefix: string, key: string): FoundKey | undefined {
  const [, kind = "", spelled = "", rest = ""] = behindPrefix.exec(key.slice(prefix.length)) ?? [];
  if (kind === "" || !key.startsWith(prefix)) return undefined;
  // A partition is named by labels that are encoded each, and a tag has nothing to encode.
  const name = kind === "items" ? spelled : decoded(spelled);
  return name === undefined ? undefined : { holder: { kind: kind as Holder["kind"], name }, parts: rest.split(":") };
}

/** Returns the id that a part of a key spells, `undefined` for a part that this library did not write. */
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
