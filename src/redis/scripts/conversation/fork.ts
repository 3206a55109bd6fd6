import { count, storedList } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { flag, number, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { earlierSealed, keepKey, staleKey } from "../fragments/data-key.js";
import { lineageArgument, staleLineage, staleLineageAnswer } from "../fragments/lineage.js";
import { digestArgument, operationKey, remember } from "../fragments/operation.js";
import { beginEra, indexOf, isQuestion, places } from "../fragments/positions.js";
import { microseconds, now, outlive, whole } from "../fragments/time.js";

/**
 * The largest numbers of messages, and of their bytes, that a fork copies. They keep Redis busy for about a tenth of a
 * second.
 */
const MAX_FORK_MESSAGES = 10_000;
const MAX_FORK_BYTES = 16_777_216;
/** As many bytes as the script reads and writes with one command, if the messages are alike. */
const PART_BYTES = 65_536;

const forked = (length: unknown, fields: unknown): { length: number; fields: readonly Stored[] } => ({
  length: count(length),
  fields: storedList(fields),
});

export const forkConversationScript = defineScript({
  name: "conversation.fork",
  about: "copies the beginning of a conversation to a new one of the same owner.",
  keys: {
    conversation: "hash: the conversation",
    messages: "list: its messages",
    conversations: "sorted set: the owner's conversations, by last activity",
    ...operationKey,
    fork: "hash: the new conversation",
    forkMessages: "list: its messages",
  },
  arguments: {
    ...digestArgument,
    ...lineageArgument,
    conversationId: text("the id of the conversation"),
    forkId: text("the id of the new conversation, made from the operation id"),
    position: text('the position of the first message that is not copied, "" to copy all'),
    hasTitle: flag("whether the caller passed a title"),
    title: text("the title of the new conversation; without it, the fork has the title of the original"),
    ttl: number("the conversations' time to live in milliseconds"),
  },
  effects: { done: forked, repeated: forked },
  answers: staleLineageAnswer,
  seals: true,
  refusals: ["conflict", "no-conversation", "no-position", "no-question", "nothing-before", "too-large"],
  uses: [
    earlierSealed,
    remember,
    staleKey,
    keepKey,
    staleLineage,
    places,
    indexOf,
    isQuestion,
    beginEra,
    microseconds,
    now,
    outlive,
    whole,
  ],
  lua: /* lua */ `
local function described(outcome)
  return { outcome, redis.call("LLEN", forkMessages), redis.call("HGETALL", fork) }
end
local before = earlierSealed(operation, digest, dataKey, seal)
if before then
  if before[1] ~= "repeated" then
    return before
  elseif redis.call("HEXISTS", fork, "agentId") == 0 or redis.call("EXISTS", forkMessages) == 0 then
    -- The fork was made and has been removed since.
    return { "no-conversation" }
  end
  return described("repeated")
end
local here = placesOf(conversation, messages)
local held = redis.call("HMGET", conversation, "agentId", "title", "lineage", "sealed")
-- An erasure removes the index first.
if here.length == 0 or not held[1] or not redis.call("ZSCORE", conversations, conversationId) then
  return { "no-conversation" }
elseif redis.call("EXISTS", fork, forkMessages) > 0 then
  -- A fork of this operation id exists, but was made too long ago to tell whether it was the same call.
  return { "conflict" }
end
local length = here.length
if position ~= "" then
  length = indexOf(here, position)
  if not length then
    return { "no-position" }
  elseif not isQuestion(redis.call("LRANGE", messages, length, length)[1]) then
    return { "no-question", "before" }
  elseif length == 0 then
    return { "nothing-before", "before" }
  end
end
if length > ${MAX_FORK_MESSAGES} then
  return { "too-large" }
end
-- In small parts, because Redis takes far longer to pass a script a reply of many megabytes.
local parts, bytes, from, step = {}, 0, 0, 1
while from < length do
  local part = redis.call("LRANGE", messages, from, math.min(from + step, length) - 1)
  local bytesBefore = bytes
  for _, entry in ipairs(part) do
    bytes = bytes + #entry
  end
  if bytes > ${MAX_FORK_BYTES} then
    return { "too-large" }
  end
  parts[#parts + 1] = part
  from = from + #part
  step = math.max(1, math.min(100, math.floor(${PART_BYTES} * #part / (bytes - bytesBefore))))
end

local stale = staleKey(dataKey, seal) or staleLineage(conversation, lineage)
if stale then
  return stale
end
local latest = redis.call("ZRANGE", conversations, -1, -1, "WITHSCORES")
local activeAt = math.max(now, (tonumber(latest[2]) or 0) + 1)
remember(operation, digest, "")
keepKey(dataKey, seal)
for _, part in ipairs(parts) do
  redis.call("RPUSH", forkMessages, unpack(part))
end
redis.call("HSET", fork, "agentId", held[1], "createdAt", whole(now), "activeAt", whole(activeAt), "forkedFrom", conversationId)
local inherited = held[3] or string.match(lineage, "^%S+")
if inherited then
  redis.call("HSET", fork, "lineage", inherited)
end
if held[4] then
  redis.call("HSET", fork, "sealed", held[4])
end
if hasTitle or held[2] then
  redis.call("HSET", fork, "title", hasTitle and title or held[2])
end
beginEra(fork, { first = 0, eras = "", length = 0 }, 0)
redis.call("PEXPIRE", fork, whole(ttl))
redis.call("PEXPIRE", forkMessages, whole(ttl))
redis.call("ZADD", conversations, whole(activeAt), forkId)
outlive(conversations, now + ttl)
return described("done")
`,
});
