import { type Fragment, fragment } from "./script/fragment.js";
import { dropAnswer } from "./scripts/fragments/answer.js";
import { clearRemembered, removeConversation } from "./scripts/fragments/messages.js";
import { removeThread } from "./scripts/fragments/thread.js";
import { microseconds, whole } from "./scripts/fragments/time.js";

// Everything that an owner has, declared once. From this list come the keys that an erasure removes and keeps, the
// tables of keys and the ACL line in docs/redis.md, and the list of what an export must contain.

/** What happens to a key when its owner is exported or erased. */
type Fate =
  /** The key holds data of the owner: an export contains it, and an erasure removes it. */
  | "exported"
  /** The key is derived from other keys: an export leaves it out, and an erasure removes it. */
  | "derived"
  /** The key survives an erasure for a while, and reveals nothing about the owner. */
  | "mark";

/** The kind of a record of an export. */
export type RecordKind = "session" | "conversation" | "messages" | "answer" | "memory" | "checkpoint" | "item";

export interface OwnedKey {
  /** The key behind the owner's prefix. `<…>` stands for the parts that vary. */
  readonly key: string;
  readonly type: "hash" | "list" | "string" | "zset";
  readonly holds: string;
  readonly fate: Fate;
  /** The kind of an export's record that contains the data of this key. Exactly the exported keys have one. */
  readonly exportedIn?: RecordKind;
  /**
   * The data that is left in the key after an erasure, and for how long. Every mark has this, and every key that is
   * left as a mark.
   */
  readonly afterErasure?: { readonly holds: string; readonly until: string };
}

/** The plural names of the indexes. `sessions/export-user.ts` has an exporter for each. */
export type OwnedName = "sessions" | "conversations" | "memories" | "threads" | "items";

export interface OwnedThing<Name extends string = string> {
  /** The plural name of the index, a sorted set of all members. */
  readonly name: Name;
  readonly index: Omit<OwnedKey, "key" | "type">;
  readonly keys: readonly OwnedKey[];
  /**
   * Lua that defines the local function `remove`. It takes the base of the owner's keys, the member, the index, the
   * channel of endings, and the beginning of the channels of the owner's answers. It removes one member in bounded
   * time, and returns a number that says whether anything was there.
   */
  readonly remove: Fragment;
}

const sessions: OwnedThing<"sessions"> = {
  name: "sessions",
  index: { holds: "ids of sessions, by their start in microseconds; the authority on which are live", fate: "derived" },
  keys: [
    {
      key: "session:<id>",
      type: "hash",
      holds: "one field per attribute of the session",
      fate: "exported",
      exportedIn: "session",
      afterErasure: {
        holds:
          "Of a session that had ended before: the reason, times, and hashes of its tokens and of the values that requests are compared with.",
        until: "60 seconds after its end",
      },
    },
  ],
  remove: fragment(/* lua */ `
local function remove(base, id, _, endings)
  local removed = redis.call("UNLINK", base .. "session:" .. id)
  -- The message is only a hint, so an ACL without the channel must not stop the script half-way.
  redis.pcall("PUBLISH", endings, id .. " ended")
  return removed
end`),
};

const conversations: OwnedThing<"conversations"> = {
  name: "conversations",
  index: { holds: "ids of conversations, by their last activity in milliseconds", fate: "derived" },
  keys: [
    {
      key: "conversation:<id>",
      type: "hash",
      holds:
        "agent, times, title, where its messages stand, notes of its latest turns, and where it was forked from; after its removal its generation",
      fate: "exported",
      exportedIn: "conversation",
      afterErasure: {
        holds: "A number by which turns in flight see that the conversation was removed.",
        until: "a day",
      },
    },
    {
      key: "messages:<id>",
      type: "list",
      holds: "one message per element, oldest first",
      fate: "exported",
      exportedIn: "messages",
    },
    {
      key: "lease:<id>",
      type: "string",
      holds: "the turn that holds the conversation; exists while it runs",
      fate: "mark",
      afterErasure: { holds: "The random name of a turn that ran.", until: "the turn's lease" },
    },
    {
      key: "holder:<id>",
      type: "string",
      holds: "the turn that held the conversation last, until it releases it; for at most a day",
      fate: "mark",
      afterErasure: { holds: "The random name of a turn that did not end properly.", until: "a day" },
    },
    {
      key: "waiting:<id>",
      type: "zset",
      holds: "the turns that wait for the conversation; exists while they wait",
      fate: "mark",
      afterErasure: { holds: "Random names of turns that waited.", until: "the turns' wait" },
    },
    {
      key: "answer:<id>",
      type: "hash",
      holds: "the answer in flight: its owner, its question if that replaces messages, and how it ended",
      fate: "exported",
      exportedIn: "answer",
    },
    {
      key: "events:<id>",
      type: "list",
      holds: "the events of the answer; for two minutes after its end",
      fate: "derived",
    },
    {
      key: "stop:<id>",
      type: "string",
      holds: "the turn that has to stop; for two minutes, or until its lease expires",
      fate: "mark",
      afterErasure: { holds: "A random name of a turn.", until: "2 minutes, or the turn's lease" },
    },
    {
      key: "successor:<id>",
      type: "string",
      holds: "the turn that follows the one that has to stop; for two minutes",
      fate: "mark",
      afterErasure: { holds: "Random names of turns.", until: "2 minutes" },
    },
  ],
  remove: fragment(
    /* lua */ `
local function remove(base, id, _, _, answers)
  dropAnswer(base .. "answer:" .. id, base .. "events:" .. id, answers .. id)
  return removeConversation(base .. "conversation:" .. id, base .. "messages:" .. id, whole(microseconds))
end`,
    dropAnswer,
    removeConversation,
    clearRemembered,
    whole,
    microseconds,
  ),
};

const memories: OwnedThing<"memories"> = {
  name: "memories",
  index: { holds: "agents that remember something, by the time until which they do", fate: "derived" },
  keys: [
    {
      key: "memory:<agent>:values",
      type: "hash",
      holds: "one field per key: `<version> <deadline> <items> <JSON>`",
      fate: "exported",
      exportedIn: "memory",
    },
    { key: "memory:<agent>:deadlines", type: "zset", holds: "the keys that have a `ttl`", fate: "derived" },
    {
      key: "memory:<agent>:usage",
      type: "hash",
      holds: "the number of bytes, and the latest version",
      fate: "derived",
    },
    {
      key: "memory:<agent>:writes",
      type: "hash",
      holds: "a day, the number of its writes, and a secret; gone a day later",
      fate: "derived",
    },
    {
      key: "memory:<agent>:operation:<id>",
      type: "string",
      holds: "the record of a write with an operation id; for two minutes",
      fate: "mark",
      afterErasure: {
        holds: "A hash of what was written, and the reply: a version, and whether a value existed.",
        until: "2 minutes",
      },
    },
  ],
  remove: fragment(/* lua */ `
local function remove(base, member, index)
  -- Keep a member that is listed anew: a later session has written to it, after removing what was left.
  if redis.call("ZSCORE", index, member) then
    return 0
  end
  local memory = base .. "memory:" .. member
  local removed = redis.call("UNLINK", memory .. ":values")
  redis.call("UNLINK", memory .. ":deadlines", memory .. ":usage", memory .. ":writes")
  return removed
end`),
};

const threads: OwnedThing<"threads"> = {
  name: "threads",
  index: {
    holds: "conversations that have a thread of LangGraph, by the time until which they have it",
    fate: "derived",
  },
  keys: [
    {
      key: "thread:<id>:checkpoints",
      type: "hash",
      holds: "the checkpoints of a graph, and the writes of its nodes",
      fate: "exported",
      exportedIn: "checkpoint",
    },
    {
      key: "thread:<id>:arrivals",
      type: "zset",
      holds: "the checkpoints, by the order in which they arrived",
      fate: "exported",
      exportedIn: "checkpoint",
    },
    {
      key: "thread:<id>:nodes",
      type: "hash",
      holds: "the parts that the values of checkpoints are made of",
      fate: "exported",
      exportedIn: "checkpoint",
    },
    { key: "thread:<id>:counts", type: "hash", holds: "the number of references to each part", fate: "derived" },
    {
      key: "thread:<id>:deleted",
      type: "string",
      holds: "the time at which the thread was deleted; for a day",
      fate: "mark",
      afterErasure: { holds: "A number by which runs in flight see that the thread was removed.", until: "a day" },
    },
  ],
  remove: fragment(
    /* lua */ `
local function remove(base, id, _, _, answers)
  dropAnswer(base .. "answer:" .. id, base .. "events:" .. id, answers .. id)
  local thread = base .. "thread:" .. id .. ":"
  -- The conversation of a thread without messages is in no index of conversations.
  removeConversation(base .. "conversation:" .. id, base .. "messages:" .. id, whole(microseconds))
  return removeThread(thread .. "checkpoints", thread .. "arrivals", thread .. "nodes", thread .. "counts", thread .. "deleted")
end`,
    dropAnswer,
    removeConversation,
    removeThread,
    whole,
    microseconds,
  ),
};

const items: OwnedThing<"items"> = {
  name: "items",
  index: { holds: "partitions of LangGraph items, by the time until which they exist", fate: "derived" },
  keys: [
    {
      key: "items:<partition>:items",
      type: "hash",
      holds: "one field per item, named by namespace and key: `<created> <updated> <deadline> <JSON>`",
      fate: "exported",
      exportedIn: "item",
    },
    { key: "items:<partition>:order", type: "zset", holds: "the items, by their last update", fate: "derived" },
    {
      key: "items:<partition>:namespaces",
      type: "hash",
      holds: "the number of items of each namespace",
      fate: "derived",
    },
    { key: "items:<partition>:deadlines", type: "zset", holds: "the items that have a deadline", fate: "derived" },
  ],
  remove: fragment(/* lua */ `
local function remove(base, member, index)
  -- Keep a member that is listed anew: a later session has written to it, after removing what was left.
  if redis.call("ZSCORE", index, member) then
    return 0
  end
  local partition = base .. "items:" .. member
  local removed = redis.call("HLEN", partition .. ":items")
  redis.call("UNLINK", partition .. ":items", partition .. ":order", partition .. ":namespaces", partition .. ":deadlines")
  return removed
end`),
};

/** The owned things that are listed in an index. */
export const ownedThings: readonly OwnedThing<OwnedName>[] = [sessions, conversations, memories, threads, items];

/** The keys of an owner that are in no index. Erasures do not remove them, because they expire. */
export const ownedMarks: readonly OwnedKey[] = [
  {
    key: "operation:<id>",
    type: "string",
    holds: "the record of a write with an operation id; for two minutes",
    fate: "mark",
    afterErasure: {
      holds: "A hash of what was written, and the reply: ids and hashes of sessions, and how many ended.",
      until: "2 minutes",
    },
  },
  {
    key: "data-key",
    type: "string",
    holds: "the wrapped key that seals all content of the owner; as long as anything that it seals",
    fate: "mark",
    afterErasure: { holds: "The random name of the key that was destroyed.", until: "an hour" },
  },
  {
    key: "not-before",
    type: "string",
    holds:
      "the time that a sign-in must be newer than, in milliseconds, and the id of a spared session; after endAll, eraseUser, endEverybody",
    fate: "mark",
    afterErasure: { holds: "A time.", until: "`maxTokenLifetime`" },
  },
];

/** The index of a thing while its members are being erased. */
export function erasedIndex({ name }: Pick<OwnedThing, "name">): string {
  return `erased-${name}`;
}
