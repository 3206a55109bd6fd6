import { textList } from "../../replies.js";
import { number, text, texts } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { notLive } from "../fragments/items.js";
import { now, whole } from "../fragments/time.js";
import { refusals, refuseLua } from "./space.js";

// Which partitions there are. Of an owner, the index of the partitions says so, in the owner's slot. A store that belongs
// to no session has partitions in many slots, and a list of them in one: a partition is listed before its first item is
// written, so the list may name one that is empty, and leaves none out.

/** How long a partition has been listed, at least, that is taken off the list: longer than a write can be on its way. */
const SETTLED_MILLISECONDS = 86_400_000;

const listKeys = {
  names: "sorted set: the partitions",
  since: "hash: partition, since when it is listed in milliseconds",
} as const;

const answers = { done: (found: unknown) => ({ names: textList(found) }) };

export const partitionsScript = defineScript({
  name: "items.partitions",
  about: "returns the partitions of a store that belongs to no session, by their names.",
  flags: "no-writes",
  keys: { names: listKeys.names },
  arguments: {
    from: text("the first name, as ZRANGE has it"),
    to: text("the last name, as ZRANGE has it"),
    most: number("how many are returned"),
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
    partitions: "sorted set: the owner's partitions, by the time until which they are there",
  },
  arguments: { sessionId: text("that asks"), most: number("how many are returned") },
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
  about: "lists a partition, before its first item is written.",
  keys: listKeys,
  arguments: { name: text("of the partition") },
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
  about: "takes partitions that were found empty off the list, unless they were listed a short time ago.",
  flags: "allow-oom",
  keys: listKeys,
  arguments: { found: texts("names of partitions") },
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
