import { text as textReply } from "../../replies.js";
import { notLive } from "../../refusals.js";
import { number, text, texts } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { concludeTurn, heldArguments, heldKeys, lostLease } from "../fragments/lease.js";
import { push } from "../fragments/messages.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";
import { state, touch } from "../fragments/session.js";
import { beginEra, cut, indexOf, places, positionAt } from "../fragments/positions.js";
import { microseconds, now, outlive, whole } from "../fragments/time.js";
import { noteTurn, partKey, standing, turnArgument, turnOf } from "../fragments/unfinished.js";
import { sessionKeys } from "../session/record.js";

const begun = (generation: unknown): { generation: string } => ({ generation: textReply(generation) });

export const appendToConversationScript = defineScript({
  name: "conversation.append",
  about: "appends a turn to a conversation on behalf of a live session, whole, once.",
  keys: {
    ...sessionKeys,
    conversation: "hash: the conversation",
    messages: "list: its messages, oldest first",
    conversations: "sorted set: the owner's, by last activity",
    ...operationKey,
    ...heldKeys,
    erased: "sorted set: the owner's conversations that are still to be erased",
  },
  optionalKeys: partKey,
  arguments: {
    ...digestArgument,
    sessionId: text("of the session"),
    conversationId: text("of the conversation"),
    seen: text(
      'generation that the writer\'s latest read saw, "" for none, "*" when it never read; "new" when there must be no message and no removal at all',
    ),
    ttl: number("of the conversation in milliseconds"),
    cap: number("how many messages to keep, 0 for all"),
    toolCalls: number("how many the batch holds"),
    ...heldArguments,
    ...turnArgument,
    fence: text(
      '"<position of the first message that the batch replaces> <position behind the last message, as the writer saw it>", "" for none',
    ),
    encoded: texts(
      "messages, JSON objects without their closing brace; none ends a turn that has parts: with `turnOperation` they are removed",
    ),
  },
  /** With the generation that a replacing batch begins. */
  effects: { done: begun, repeated: begun },
  answers: { occupied: nothing, dropped: nothing },
  refusals: ["conflict", "changed", "no-conversation", "lease-lost", ...notLive],
  uses: [
    earlier,
    remember,
    state,
    touch,
    push,
    lostLease,
    concludeTurn,
    standing,
    noteTurn,
    turnOf,
    places,
    positionAt,
    indexOf,
    beginEra,
    cut,
    now,
    microseconds,
    whole,
    outlive,
  ],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before then
  if before[1] == "repeated" then
    concludeTurn(lease, holder, token, after)
  end
  return before
end
local found = state(record, index, sessionId)
if found ~= "live" then
  return { found }
end
-- What is left of one that is being erased must not be listed again.
if redis.call("ZSCORE", erased, conversationId) then
  return { "changed" }
end
local held = redis.call("HMGET", conversation, "generation", "agentId", "unfinished", "finished")
local generation, note = held[1], held[3]
local agentId = redis.call("HGET", record, "agentId")
if held[2] and held[2] ~= agentId then
  return { "no-conversation" }
end
local kind = redis.call("TYPE", messages).ok
if kind ~= "list" and kind ~= "none" then
  return redis.error_reply("WRONGTYPE of messages")
end
if seen == "new" and (generation or kind == "list") then
  return { "occupied" }
elseif generation and seen ~= "*" and seen ~= generation then
  return { "changed" }
elseif lostLease(lease, holder, token) then
  return { "lease-lost" }
end
local replaced, stay = standing(note, held[4], turnOperation, turn, #encoded)
if not stay then
  concludeTurn(lease, holder, token, after)
  return { replaced }
end
-- A record that was evicted took the eras with it: the positions that were read since name nothing any more.
local begins = kind == "none" or not held[2]
local here, cutAt, begun = nil, nil, ""
if fence ~= "" then
  local from, behind = string.match(fence, "^(%S+) (%S+)$")
  here = placesOf(conversation, messages)
  cutAt = indexOf(here, from)
  if not cutAt or positionAt(here, here.length) ~= behind then
    return { "changed" }
  end
  begun = whole(microseconds)
elseif begins or replaced > 0 then
  here = placesOf(conversation, messages)
  cutAt = math.max(0, here.length - replaced)
end

-- At least one more than the latest: milliseconds tie, and pages are cut by this.
local latest = redis.call("ZRANGE", conversations, -1, -1, "WITHSCORES")
local activeAt = math.max(now, tonumber(latest[2]) or 0)
if latest[1] ~= conversationId then
  activeAt = math.max(now, (tonumber(latest[2]) or 0) + 1)
end

-- Some of those that should have expired, so that the index does not grow with what nobody lists.
local base, expired = string.sub(conversations, 1, -#"conversations" - 1), {}
local limit = "(" .. whole(now - ttl)
for _, id in ipairs(redis.call("ZRANGE", conversations, "-inf", limit, "BYSCORE", "LIMIT", 0, 10)) do
  -- In a slot that is moving here, what is still elsewhere looks like nothing. A command with two keys stops the script.
  redis.call("EXISTS", conversations, base .. "messages:" .. id)
  if redis.call("LLEN", base .. "messages:" .. id) == 0 then
    expired[#expired + 1] = id
  end
end

remember(operation, digest, begun)
for _, id in ipairs(expired) do
  redis.call("ZREM", conversations, id)
end
if begun ~= "" then
  -- Turns that read what is replaced are refused from now on.
  redis.call("HSET", conversation, "generation", begun)
end
if begins then
  beginEra(conversation, here, 0)
  redis.call("HSETNX", conversation, "lineage", string.sub(redis.sha1hex(conversation .. whole(microseconds)), 1, 24))
end
if kind == "list" and cutAt and cutAt < here.length then
  cut(conversation, messages, here, cutAt)
end
local trimmed = push(messages, encoded, cap)
if trimmed > 0 then
  redis.call("HINCRBY", conversation, "first", whole(trimmed))
end
redis.call("HSETNX", conversation, "createdAt", whole(now))
redis.call("HSET", conversation, "agentId", agentId, "activeAt", whole(activeAt))
if note or turn then
  noteTurn(conversation, note, turnOperation, turn, stay, #encoded)
end
redis.call("PEXPIRE", conversation, whole(ttl))
redis.call("PEXPIRE", messages, whole(ttl))
redis.call("ZADD", conversations, whole(activeAt), conversationId)
outlive(conversations, now + ttl)
redis.call("HINCRBY", record, "messageCount", #encoded)
redis.call("HINCRBY", record, "toolCallCount", toolCalls)
touch(record, index)
concludeTurn(lease, holder, token, after)
return { "done", begun }
`,
});
