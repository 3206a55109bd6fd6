import { notLive as notLiveRefusals } from "../../refusals.js";
import { storedBehind } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { number, text, texts } from "../../script/arguments.js";
import { nothing } from "../../script/define.js";
import { drop, enter, ITEM_HEADER_BYTES, notLive, put, renewSession, settle } from "../fragments/items.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";
import { now } from "../fragments/time.js";

// The common parts of the scripts of items. Each script serves both a standalone store and one that belongs to a
// session.

const items = { items: 'hash: namespace and key, then "<created> <updated> <deadline> <JSON>"' } as const;
const order = { order: "sorted set: the items, by their last update in microseconds" } as const;

/** Returns the stored form of an item; `undefined` if there is none. Its value may be sealed or compressed. */
export function storedItem(reply: unknown): Stored | undefined {
  return storedBehind(ITEM_HEADER_BYTES, reply);
}

/** The keys of a script that reads items by their names. */
export const readKeys = items;

/** The keys of a script that reads the newest items. */
export const pageKeys = { ...items, ...order } as const;

/** The keys of a script that writes, without the key of the operation. */
export const spaceKeys = {
  ...items,
  ...order,
  namespaces: "hash: the number of items of each namespace",
  deadlines: "sorted set: the items that have a deadline, by that deadline in milliseconds",
} as const;

/** The keys of a partition that belongs to a session's owner. */
export const holderKeys = {
  record: "hash: the session that asks",
  sessions: "sorted set: the owner's sessions",
  partitions: "sorted set: the owner's partitions, by the time until which they exist",
} as const;

/** The arguments that name the session. Each is "" for a standalone store. */
export const holderArguments = {
  sessionId: text("the id of the session that asks"),
  member: text("the member of this partition in `partitions`"),
};

/** The refusals of a session that is not live. */
export const refusals = notLiveRefusals;

/** The Lua that refuses a session that is not live. */
export const refuseLua = /* lua */ `
local refusal = notLive(record, sessions, sessionId)
if refusal then
  return refusal
end
`.trim();

/** The Lua that makes the table of the partition. */
export const spaceLua = /* lua */ `
local space = {
  items = items, order = order, namespaces = namespaces, deadlines = deadlines,
  record = record, sessions = sessions, partitions = partitions, member = member,
}
`.trim();

/** The keys of a script that takes effect once. */
export const writeOnce = {
  keys: { ...spaceKeys, ...operationKey },
  optionalKeys: holderKeys,
} as const;

export const writeArguments = {
  ...digestArgument,
  ...holderArguments,
};

export const removalsArgument = { removals: texts("the names of items to remove: namespace and key") };

export const putArguments = {
  ttl: number("the items' time to live in milliseconds, 0 for none"),
  puts: texts("items to store: the name, and then the JSON text, which may be sealed"),
};

export const writeEffects = { done: nothing, repeated: nothing } as const;

const entering = [earlier, remember, notLive, enter, settle, renewSession] as const;
export const writing = [...entering, put, drop, now] as const;
export const removing = [...entering, drop] as const;
