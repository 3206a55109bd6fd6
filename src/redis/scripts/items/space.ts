import { notLive as notLiveRefusals } from "../../refusals.js";
import { storedBehind } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { number, text, texts } from "../../script/arguments.js";
import { nothing } from "../../script/define.js";
import { drop, enter, ITEM_HEADER_BYTES, notLive, put, renewSession, settle } from "../fragments/items.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";
import { now } from "../fragments/time.js";

// What the scripts of items share, so that one script serves a store on its own and one that belongs to a session.

const items = { items: 'hash: namespace and key, then "<created> <updated> <deadline> <JSON>"' } as const;
const order = { order: "sorted set: the items, by their last update in microseconds" } as const;

/** Returns what is stored of an item; `undefined` when there is none. Its value may be sealed or compressed. */
export function storedItem(reply: unknown): Stored | undefined {
  return storedBehind(ITEM_HEADER_BYTES, reply);
}

/** Keys of a script that reads items by their names. */
export const readKeys = items;

/** Keys of a script that reads the newest items. */
export const pageKeys = { ...items, ...order } as const;

/** Keys of a script that writes, its operation aside. */
export const spaceKeys = {
  ...items,
  ...order,
  namespaces: "hash: namespace, number of its items",
  deadlines: "sorted set: those items that have a deadline, in milliseconds",
} as const;

/** Keys of a partition that belongs to a session's owner. */
export const holderKeys = {
  record: "hash: the session that asks",
  sessions: "sorted set: the owner's sessions",
  partitions: "sorted set: the owner's partitions, by the time until which they are there",
} as const;

/** Arguments that name who asks; each "" for a store on its own. */
export const holderArguments = {
  sessionId: text("that asks"),
  member: text("of this partition in the partitions"),
};

/** Why a session may not enter. */
export const refusals = notLiveRefusals;

/** Lua that refuses a session that is not live. */
export const refuseLua = /* lua */ `
local refusal = notLive(record, sessions, sessionId)
if refusal then
  return refusal
end
`.trim();

/** Lua that makes the table of the partition. */
export const spaceLua = /* lua */ `
local space = {
  items = items, order = order, namespaces = namespaces, deadlines = deadlines,
  record = record, sessions = sessions, partitions = partitions, member = member,
}
`.trim();

/** What a script needs that writes once. */
export const writeOnce = {
  keys: { ...spaceKeys, ...operationKey },
  optionalKeys: holderKeys,
} as const;

export const writeArguments = {
  ...digestArgument,
  ...holderArguments,
};

export const removalsArgument = { removals: texts("namespace and key of an item to remove, …") };

export const putArguments = {
  ttl: number("of the items in milliseconds, 0 for none"),
  puts: texts("namespace and key, JSON or what it is sealed in, …"),
};

export const writeEffects = { done: nothing, repeated: nothing } as const;

const entering = [earlier, remember, notLive, enter, settle, renewSession] as const;
export const writing = [...entering, put, drop, now] as const;
export const removing = [...entering, drop] as const;
