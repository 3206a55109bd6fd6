import { text as textReply } from "../../replies.js";
import { notLive } from "../../refusals.js";
import { number, text, texts } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { answerKeys, endAnswer } from "../fragments/answer.js";
import { earlierSealed, keepKey, staleKey } from "../fragments/data-key.js";
import { countSaid, dueOf, extend, keepConversation } from "../fragments/extend.js";
import { concludeTurn, heldArguments, heldKeys, lostLease, releaseLease } from "../fragments/lease.js";
import { lineageArgument, staleLineage, staleLineageAnswer } from "../fragments/lineage.js";
import { digestArgument, operationKey, remember } from "../fragments/operation.js";
import { state } from "../fragments/session.js";
import { indexOf, places, positionAt } from "../fragments/positions.js";
import { refusesPlain } from "../fragments/sealed-only.js";
import { microseconds, whole } from "../fragments/time.js";
import { noteTurn, partKey, standing, turnArgument, turnOf } from "../fragments/unfinished.js";
import { sessionKeys } from "../session/record.js";

const begun = (generation: unknown): { generation: string } => ({ generation: textReply(generation) });

export const appendToConversationScript = defineScript({
  name: "conversation.append",
  about: "appends a turn to a conversation on behalf of a live session, whole and once.",
  keys: {
    ...sessionKeys,
    conversation: "hash: the conversation",
    messages: "list: its messages, oldest first",
    conversations: "sorted set: the owner's conversations, by last activity",
    ...operationKey,
    ...heldKeys,
    ...answerKeys,
    erased: "sorted set: the owner's conversations that still have to be erased",
  },
  optionalKeys: partKey,
  arguments: {
    ...digestArgument,
    ...lineageArgument,
    sessionId: text("the id of the session"),
    conversationId: text("the id of the conversation"),
    seen: text(
      'the generation that the writer\'s latest read saw, "" for none, "*" if it never read; "new" if the conversation must have no message and no removal',
    ),
    ttl: number("the conversation's time to live in milliseconds"),
    cap: number("the number of messages to keep, 0 for all"),
    toolCalls: number("the number of tool calls in the batch"),
    ...heldArguments,
    ...turnArgument,
    ending: text('how this write ends the answer of the turn, "" if it does not, or there is none'),
    channel: text("the Pub/Sub channel of the conversation's answers"),
    fence: text(
      '"<position of the first message that the batch replaces> <position behind the last message that the writer saw>", "" for none',
    ),
    encoded: texts(
      "messages, JSON objects without their closing brace; none ends a turn that has parts; with `turnOperation`, the parts are removed",
    ),
  },
  /** With the generation that a replacing batch begins, otherwise "". */
  effects: { done: begun, repeated: begun },
  answers: { occupied: nothing, dropped: nothing, ...staleLineageAnswer },
  refusals: ["conflict", "changed", "no-conversation", "lease-lost", "sealed-only", ...notLive],
  seals: true,
  uses: [
    earlierSealed,
    remember,
    staleKey,
    keepKey,
    staleLineage,
    state,
    lostLease,
    concludeTurn,
    releaseLease,
    standing,
    noteTurn,
    turnOf,
    places,
    positionAt,
    indexOf,
    dueOf,
    extend,
    keepConversation,
    countSaid,
    endAnswer,
    refusesPlain,
    microseconds,
    whole,
  ],
  lua: /* lua */ `
local before = earlierSealed(operation, digest, dataKey, seal)
if before then
  if before[1] == "repeated" then
    concludeTurn(lease, holder, token, after)
  end
  return before
end
local found, session = state(record, index, sessionId)
if found ~= "live" then
  if ending ~= "" then
    -- The question stays, because it was accepted while the session was live.
    endAnswer(answer, events, token, "interrupted", "", channel)
    releaseLease(lease, holder, token)
  end
  return { found }
end
-- A conversation that is being erased must not be listed again.
if redis.call("ZSCORE", erased, conversationId) then
  return { "changed" }
end
local held = redis.call("HMGET", conversation, "generation", "agentId", "unfinished", "finished", "sealed", "createdAt")
local generation, note = held[1], held[3]
local agentId = session[5]
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
if refusesPlain(held[5], encoded, seal) then
  return { "sealed-only" }
end
local stale = staleKey(dataKey, seal) or staleLineage(conversation, lineage)
if stale then
  return stale
end
-- An evicted record took the eras with it. A new era makes positions invalid that were read since.
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

local due = dueOf(conversations, conversationId, ttl)
remember(operation, digest, begun)
keepKey(dataKey, seal)
if begun ~= "" then
  -- From now on, refuse turns that have read the replaced messages.
  redis.call("HSET", conversation, "generation", begun)
end
local keys = { conversation = conversation, messages = messages, conversations = conversations, createdAt = held[6] }
extend(keys, here, cutAt, begins, encoded, cap, lineage)
if note or turn then
  noteTurn(conversation, note, turnOperation, turn, stay, #encoded)
end
keepConversation(keys, conversationId, agentId, due, ttl)
countSaid(record, index, session, #encoded, toolCalls)
if ending ~= "" then
  if fence ~= "" and redis.call("HGET", answer, "token") == token then
    -- The question was kept beside the conversation, and is now in it.
    redis.call("HDEL", answer, "question", "replaces", "behind")
    redis.call("HSET", answer, "position", positionAt(here, cutAt))
  end
  local stands = placesOf(conversation, messages)
  endAnswer(answer, events, token, ending, positionAt(stands, stands.length - 1), channel)
end
concludeTurn(lease, holder, token, after)
return { "done", begun }
`,
});
