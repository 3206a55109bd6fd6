import { type Fragment, fragment } from "./script/fragment.js";
import { dropAnswer } from "./scripts/fragments/answer.js";
import { clearRemembered, removeConversation } from "./scripts/fragments/messages.js";
import { removeThread } from "./scripts/fragments/thread.js";
import { microseconds, whole } from "./scripts/fragments/time.js";

// All that an owner has, declared once. From this list come the keys that an erasure removes, and those that are left; the
// table of keys and the ACL line of docs/redis.md; and what an export has to hold.

/** What becomes of a key when its owner is exported or erased. */
type Fate =
  /** It holds what is the owner's: an export has it, an erasure removes it. */
  | "exported"
  /** It is made from other keys, or counts them: an export leaves it out, an erasure removes it. */
  | "derived"
  /** It survives an erasure, for a while, and says nothing of the owner. */
  | "mark";

/** What a record of an export is about. */
export type RecordKind = "session" | "conversation" | "messages" | "answer" | "memory" | "checkpoint" | "item";

export interface OwnedKey {
  /** Behind the owner's prefix; `<…>` stands for what differs. */
  readonly key: string;
  readonly type: "hash" | "list" | "string" | "zset";
  readonly holds: string;
  readonly fate: Fate;
  /** The kind of record of an export that holds what is in it. Every exported key has one, and no other key. */
  readonly exportedIn?: RecordKind;
  /** What is left in it after an erasure, and until when. Every mark has it, and a key that is left as a mark. */
  readonly afterErasure?: { readonly holds: string; readonly until: string };
}

/** The plurals by which the indexes are named. `sessions/export-user.ts` has an exporter for each. */
export type OwnedName = "sessions" | "conversations" | "memories" | "threads" | "items";

export interface OwnedThing<Name extends string = string> {
  /** The plural by which the index is named: a sorted set of all there are. */
  readonly name: Name;
  readonly index: Omit<OwnedKey, "key" | "type">;
  readonly keys: readonly OwnedKey[];
  /**
   * Lua that makes the local function `remove`, which takes the base of the owner's keys, the member, the index, the
   * channel on which endings are published, and what the channels of the owner's answers begin with. It removes one member in bounded time, and returns whether anything was there,
   * as a number.
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
      holds: "one field an attribute of the session",
      fate: "exported",
      exportedIn: "session",
      afterErasure: {
        holds:
          "Of a session that had ended before: why, hashes of its tokens and of what a request is compared with, times.",
        until: "60 seconds after its end",
      },
    },
  ],
  remove: fragment(/* lua */ `
local function remove(base, id, _, endings)
  local removed = redis.call("UNLINK", base .. "session:" .. id)
  -- The message is a hint: an ACL without the channel must not stop the script half-way.
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
      holds: "the turn that holds the conversation; there while it runs",
      fate: "mark",
      afterErasure: { holds: "The random name of a turn that ran.", until: "the turn's lease" },
    },
    {
      key: "holder:<id>",
      type: "string",
      holds: "the turn that held it last; until it gives it back, for a day at most",
      fate: "mark",
      afterErasure: { holds: "The random name of a turn that did not come to its end.", until: "a day" },
    },
    {
      key: "waiting:<id>",
      type: "zset",
      holds: "the turns that wait for it; there while they do",
      fate: "mark",
      afterErasure: { holds: "Random names of turns that waited.", until: "the turns' wait" },
    },
    {
      key: "answer:<id>",
      type: "hash",
      holds: "the answer in flight: whose it is, its question when that is to replace messages, how it ended",
      fate: "exported",
      exportedIn: "answer",
    },
    { key: "events:<id>", type: "list", holds: "its events; for two minutes after its end", fate: "derived" },
    {
      key: "stop:<id>",
      type: "string",
      holds: "which turn has to stop; for two minutes, or until its lease runs out",
      fate: "mark",
      afterErasure: { holds: "A random name of a turn.", until: "2 minutes, or the turn's lease" },
    },
    {
      key: "successor:<id>",
      type: "string",
      holds: "which turn follows the one that has to stop; for two minutes",
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
      holds: "one field a key: `<version> <deadline> <items> <JSON>`",
      fate: "exported",
      exportedIn: "memory",
    },
    { key: "memory:<agent>:deadlines", type: "zset", holds: "the keys that have a ttl", fate: "derived" },
    { key: "memory:<agent>:usage", type: "hash", holds: "bytes, latest version", fate: "derived" },
    {
      key: "memory:<agent>:writes",
      type: "hash",
      holds: "a day, how many writes it had, a secret; gone a day later",
      fate: "derived",
    },
    {
      key: "memory:<agent>:operation:<id>",
      type: "string",
      holds: "what was written under an operation id; there for two minutes",
      fate: "mark",
      afterErasure: {
        holds: "A hash of what was written, and the reply: a version, whether there was one.",
        until: "2 minutes",
      },
    },
  ],
  remove: fragment(/* lua */ `
local function remove(base, member, index)
  -- Listed anew: a session that began since has written to it, and began with removing what was left.
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
    holds: "conversations that have a thread of LangGraph, by the time until which they do",
    fate: "derived",
  },
  keys: [
    {
      key: "thread:<id>:checkpoints",
      type: "hash",
      holds: "the checkpoints of a graph, and what its nodes wrote",
      fate: "exported",
      exportedIn: "checkpoint",
    },
    {
      key: "thread:<id>:arrivals",
      type: "zset",
      holds: "the checkpoints by the order in which they arrived",
      fate: "exported",
      exportedIn: "checkpoint",
    },
    {
      key: "thread:<id>:nodes",
      type: "hash",
      holds: "what the values of checkpoints are made of",
      fate: "exported",
      exportedIn: "checkpoint",
    },
    { key: "thread:<id>:counts", type: "hash", holds: "how often each of these is referred to", fate: "derived" },
    {
      key: "thread:<id>:deleted",
      type: "string",
      holds: "when the thread was deleted; there for a day",
      fate: "mark",
      afterErasure: { holds: "A number by which runs in flight see that the thread was removed.", until: "a day" },
    },
  ],
  remove: fragment(
    /* lua */ `
local function remove(base, id, _, _, answers)
  dropAnswer(base .. "answer:" .. id, base .. "events:" .. id, answers .. id)
  local thread = base .. "thread:" .. id .. ":"
  -- A thread without a message has a conversation that is in no index of conversations.
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
      holds: "one field an item, namespace and key: `<created> <updated> <deadline> <JSON>`",
      fate: "exported",
      exportedIn: "item",
    },
    { key: "items:<partition>:order", type: "zset", holds: "the items, by their last update", fate: "derived" },
    { key: "items:<partition>:namespaces", type: "hash", holds: "how many items each namespace has", fate: "derived" },
    { key: "items:<partition>:deadlines", type: "zset", holds: "the items that have a deadline", fate: "derived" },
  ],
  remove: fragment(/* lua */ `
local function remove(base, member, index)
  -- Listed anew: a session that began since has written to it, and began with removing what was left.
  if redis.call("ZSCORE", index, member) then
    return 0
  end
  local partition = base .. "items:" .. member
  local removed = redis.call("HLEN", partition .. ":items")
  redis.call("UNLINK", partition .. ":items", partition .. ":order", partition .. ":namespaces", partition .. ":deadlines")
  return removed
end`),
};

/** What an owner has that is listed in an index. */
export const ownedThings: readonly OwnedThing<OwnedName>[] = [sessions, conversations, memories, threads, items];

/** What is kept of an owner beside. No erasure looks for it: it goes by itself. */
export const ownedMarks: readonly OwnedKey[] = [
  {
    key: "operation:<id>",
    type: "string",
    holds: "what was written under an operation id; there for two minutes",
    fate: "mark",
    afterErasure: {
      holds: "A hash of what was written, and the reply: ids and hashes of sessions, how many ended.",
      until: "2 minutes",
    },
  },
  {
    key: "data-key",
    type: "string",
    holds: "the key with which all of the owner's content is sealed, itself wrapped; as long as what it seals",
    fate: "mark",
    afterErasure: { holds: "The random name of the key that was destroyed.", until: "an hour" },
  },
  {
    key: "not-before",
    type: "string",
    holds:
      "since when a sign-in has to be newer: milliseconds, and the id of a spared session; after endAll, eraseUser, endEverybody",
    fate: "mark",
    afterErasure: { holds: "A time.", until: "`maxTokenLifetime`" },
  },
];

/** The index of a thing while its members are being erased. */
export function erasedIndex({ name }: Pick<OwnedThing, "name">): string {
  return `erased-${name}`;
}
