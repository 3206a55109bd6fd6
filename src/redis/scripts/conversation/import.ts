import { count, storedList } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { number, text, texts } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { earlierSealed, keepKey, staleKey } from "../fragments/data-key.js";
import { lineageArgument } from "../fragments/lineage.js";
import { digestArgument, operationKey, remember } from "../fragments/operation.js";
import { callInParts } from "../fragments/long-lists.js";
import { beginEra } from "../fragments/positions.js";
import { microseconds, now, outlive, whole } from "../fragments/time.js";

/**
 * The largest numbers of messages, and of their bytes, that one script stores. It takes about a tenth of a second for
 * them.
 */
export const MAX_IMPORT_MESSAGES = 10_000;
export const MAX_IMPORT_BYTES = 16_777_216;

const imported = (length: unknown, fields: unknown): { length: number; fields: readonly Stored[] } => ({
  length: count(length),
  fields: storedList(fields),
});

export const importConversationScript = defineScript({
  name: "conversation.import",
  about: "stores an exported conversation, whole and once, if there is none with this id.",
  keys: {
    conversation: "hash: the conversation",
    messages: "list: its messages",
    conversations: "sorted set: the owner's conversations, by last activity",
    threads: "sorted set: the owner's threads",
    ...operationKey,
    erased: "sorted set: the owner's conversations that still have to be erased",
    erasedThreads: "sorted set: the owner's threads that still have to be erased",
  },
  arguments: {
    ...digestArgument,
    ...lineageArgument,
    conversationId: text("the id of the conversation"),
    ttl: number("the conversations' time to live in milliseconds"),
    fields: texts("the fields of the conversation: name, value, …"),
    entries: texts("the messages, each whole and with its time"),
  },
  effects: { done: imported, repeated: imported },
  /** A conversation with this id exists. The caller compares the content. */
  answers: { exists: nothing },
  seals: true,
  refusals: ["conflict", "changed", "no-conversation"],
  uses: [earlierSealed, remember, staleKey, keepKey, beginEra, callInParts, microseconds, now, outlive, whole],
  lua: /* lua */ `
local function described(outcome)
  return { outcome, redis.call("LLEN", messages), redis.call("HGETALL", conversation) }
end
local before = earlierSealed(operation, digest, dataKey, seal)
if before then
  if before[1] ~= "repeated" then
    return before
  elseif redis.call("HEXISTS", conversation, "agentId") == 0 or redis.call("EXISTS", messages) == 0 then
    -- The conversation was imported and has been removed since.
    return { "no-conversation" }
  end
  return described("repeated")
end
-- An erasure that is under way would remove the conversation again.
if redis.call("ZSCORE", erased, conversationId) or redis.call("ZSCORE", erasedThreads, conversationId) then
  return { "changed" }
elseif redis.call("EXISTS", messages) == 1 or tonumber(redis.call("ZSCORE", threads, conversationId) or 0) > now then
  return { "exists" }
end

local stale = staleKey(dataKey, seal)
if stale then
  return stale
end
local latest = redis.call("ZRANGE", conversations, -1, -1, "WITHSCORES")
local activeAt = math.max(now, (tonumber(latest[2]) or 0) + 1)
remember(operation, digest, "")
keepKey(dataKey, seal)
-- Remove what an eviction left of a record, or the generation of a removed conversation.
redis.call("DEL", conversation)
redis.call("HSET", conversation, unpack(fields))
-- A new generation refuses turns that read the conversation before, for example while it was empty.
redis.call("HSET", conversation, "activeAt", whole(activeAt), "generation", whole(microseconds))
local name = string.sub(redis.sha1hex(conversation .. whole(microseconds)), 1, 24)
redis.call("HSET", conversation, "lineage", string.match(lineage, "^%S+") or name)
beginEra(conversation, { first = 0, eras = "", length = 0 }, 0)
callInParts("RPUSH", messages, entries)
redis.call("PEXPIRE", conversation, whole(ttl))
redis.call("PEXPIRE", messages, whole(ttl))
redis.call("ZADD", conversations, whole(activeAt), conversationId)
outlive(conversations, now + ttl)
return described("done")
`,
});
