import type { FoundKey } from "../redis/found-keys.js";
import { type OwnedName, type OwnedThing, ownedThings } from "../redis/owned.js";

/** The kind of thing that a key belongs to. */
export interface KindOfKey {
  readonly kind: string;
  /** Whether each thing of the kind has this key once, so that counting these keys counts the things. */
  readonly isCounted: boolean;
  /** Whether the key holds a list of messages. */
  readonly isList: boolean;
}

/** The key that each thing of a user has once: a pattern for the part behind the user's prefix. */
const countedOfUser: Readonly<Record<OwnedName, RegExp>> = {
  sessions: /^session:[^:]+$/,
  conversations: /^messages:[^:]+$/,
  memories: /:values$/,
  threads: /:checkpoints$/,
  items: /:items$/,
};

/** The kinds of things that belong to no user, and the key that each thing has once. */
const alone = {
  history: { kind: "histories alone", counted: "messages" },
  memory: { kind: "memories alone", counted: "values" },
  thread: { kind: "threads alone", counted: "checkpoints" },
  items: { kind: "items alone", counted: "items" },
} as const;

/** The kind of all other keys of users: data keys, and records of operations. */
const OTHERS = "others of users";

/** Every kind, in the order of the table. */
export const kinds: readonly string[] = [
  ...ownedThings.map(({ name }) => name),
  OTHERS,
  ...Object.values(alone).map(({ kind }) => kind),
];

export function kindOfKey({ holder, parts }: FoundKey): KindOfKey {
  const key = parts.join(":");
  const isList = parts[0] === "messages";
  if (holder.kind !== "user") {
    const { kind, counted } = alone[holder.kind];
    return { kind, isCounted: key === counted, isList };
  }
  const thing = ownedThings.find((one) => isOf(one, parts[0] ?? ""));
  if (thing === undefined) return { kind: OTHERS, isCounted: false, isList };
  return { kind: thing.name, isCounted: countedOfUser[thing.name].test(key), isList };
}

function isOf({ name, keys }: OwnedThing, first: string): boolean {
  return first === name || keys.some(({ key }) => key.startsWith(`${first}:`));
}
