import type { FoundKey } from "../redis/found-keys.js";
import { type OwnedName, type OwnedThing, ownedThings } from "../redis/owned.js";

/** What a key belongs to, and whether it is the one by which such things are counted. */
export interface KindOfKey {
  readonly kind: string;
  readonly isCounted: boolean;
  /** Whether it is a list of messages. */
  readonly isList: boolean;
}

/** The key that each thing of a user has once: behind the user's prefix, or at the end. */
const countedOfUser: Readonly<Record<OwnedName, RegExp>> = {
  sessions: /^session:[^:]+$/,
  conversations: /^messages:[^:]+$/,
  memories: /:values$/,
  threads: /:checkpoints$/,
  items: /:items$/,
};

/** What stands alone, and the key that each has once. */
const alone = {
  history: { kind: "histories alone", counted: "messages" },
  memory: { kind: "memories alone", counted: "values" },
  thread: { kind: "threads alone", counted: "checkpoints" },
  items: { kind: "items alone", counted: "items" },
} as const;

/** Data keys of users, and records of what was done. */
const OTHERS = "others of users";

/** Every kind, in the order of a table. */
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
