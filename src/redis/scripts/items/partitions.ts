import { textList } from "../../replies.js";
import { number, text, texts } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { notLive } from "../fragments/items.js";
import { now, whole } from "../fragments/time.js";
import { refusals, refuseLua } from "./space.js";

// The list of partitions. For an owner, it is an index in the owner's slot. A store that belongs to no session has
// partitions in many slots, and a list of them in one slot. A partition is listed before its first item is written, so
// the list may contain an empty partition, but never lacks one.

/**
 * How long a partition must have been listed before it may be removed from the list. It is longer than a write can be
 * under way.
 */
const SETTLED_MILLISECONDS = 86_400_000;

const listKeys = {
  names: "sorted set: the partitions",
  since: "hash: the time in milliseconds at which each partition was listed",
} as const;

const answers = { done: (found: unknown) => ({ names: textList(found) }) };

export const partitionsScript = defineScript({
  name: "items.partitions",
  about: "returns the partitions of a store that belongs to no session, by their names.",
  flags: "no-writes",
  keys: { names: listKeys.names },
  arguments: {
    from: text("the first name, in the form of ZRANGE"),
    to: text("the last name, in the form of ZRANGE"),
    most: number("the largest number of partitions"),
  },
  answers,
  uses: [],
  lua: /* lua */ `
return { "done", redis.call("ZRANGE", names, from, to, "BYLEX", "LIMIT", 0, most) }
`,
});

export const ownedPartitionsScript = defineScript({
  name: "items.owned-partitions",
  about: "returns the partitions of an owner.",
  flags: "no-writes",
  keys: {
    record: "hash: the session that asks",
    sessions: "sorted set: the owner's sessions",
    partitions: "sorted set: the owner's partitions, by the time until which they exist",
  },
  arguments: { sessionId: text("the id of the session that asks"), most: number("the largest number of partitions") },
  answers,
  refusals,
  uses: [notLive, now, whole],
  lua: /* lua */ `
${refuseLua}
return { "done", redis.call("ZRANGE", partitions, "(" .. whole(now), "+inf", "BYSCORE", "LIMIT", 0, most) }
`,
});

export const listPartitionScript = defineScript({
  name: "items.list-partition",
  about: "adds a partition to the list, before its first item is written.",
  keys: listKeys,
  arguments: { name: text("the name of the partition") },
  effects: { done: nothing },
  unrecorded: true,
  uses: [now, whole],
  lua: /* lua */ `
redis.call("ZCARD", names)
redis.call("HSET", since, name, whole(now))
redis.call("ZADD", names, 0, name)
return { "done" }
`,
});

export const unlistPartitionsScript = defineScript({
  name: "items.unlist-partitions",
  about: "removes partitions that were found empty from the list, unless they were listed recently.",
  flags: "allow-oom",
  keys: listKeys,
  arguments: { found: texts("the names of partitions") },
  answers: { done: nothing },
  uses: [now],
  lua: /* lua */ `
for _, name in ipairs(found) do
  if now - (tonumber(redis.call("HGET", since, name)) or now) > ${SETTLED_MILLISECONDS} then
    redis.call("ZREM", names, name)
    redis.call("HDEL", since, name)
  end
end
return { "done" }
`,
});
