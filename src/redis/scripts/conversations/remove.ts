import { CLEAR_REMEMBERED_MILLISECONDS, OPERATION_WINDOW_MILLISECONDS } from "../../operation.js";
import { list, outcome, text } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import { operationLua, removalLua, sessionLua, timeLua } from "../fragments.js";

// allow-oom: what should end must be able to end, above all when memory is short.
const lua = /* lua */ `#!lua flags=allow-oom
--[[
Removes a conversation, and leaves its next generation, which keeps turns in flight from writing it back.

KEYS[1]  conversation
KEYS[2]  messages       of the conversation
KEYS[3]  conversations  sorted set of the owner's
KEYS[4]  operation
KEYS[5]  record         of the session that asks; any key of the owner's when it is the owner
KEYS[6]  index          of the owner's sessions

ARGV[1]  digest
ARGV[2]  window         milliseconds to remember the operation
ARGV[3]  remembered     milliseconds to remember the removal
ARGV[4]  conversationId
ARGV[5]  sessionId      "" when it is the owner that asks: then the conversation has to exist

returns  { "done" | "repeated", generation }
       | { "conflict" | "no-conversation" | "unknown" | "ended" | "evicted" | "expired", "" }
--]]
${timeLua}${sessionLua}${operationLua}${removalLua}
local conversation   = KEYS[1]
local messages       = KEYS[2]
local conversations  = KEYS[3]
local operation      = KEYS[4]
local record         = KEYS[5]
local index          = KEYS[6]
local digest         = ARGV[1]
local window         = ARGV[2]
local remembered     = ARGV[3]
local conversationId = ARGV[4]
local sessionId      = ARGV[5]

local before = earlier(operation, digest)
if before then
  return before
end
if sessionId ~= "" then
  local found = state(record, index, sessionId)
  if found ~= "live" then
    return { found, "" }
  end
  local agentId = redis.call("HGET", conversation, "agentId")
  if agentId and agentId ~= redis.call("HGET", record, "agentId") then
    return { "no-conversation", "" }
  end
elseif redis.call("HEXISTS", conversation, "agentId") == 0 then
  return { "no-conversation", "" }
end

local generation = whole(microseconds)
remember(operation, digest, window, generation)
removeConversation(conversation, messages, generation, remembered)
redis.call("ZREM", conversations, conversationId)
return { "done", generation }
`;

export interface RemoveConversation {
  readonly operationId: string;
  readonly keys: {
    readonly conversation: string;
    readonly messages: string;
    readonly conversations: string;
    readonly operation: string;
    readonly record: string;
    readonly index: string;
  };
  readonly digest: string;
  readonly conversationId: string;
  /** `""`: the owner asks. */
  readonly sessionId: string;
}

const outcomes = ["done", "repeated", "conflict", "no-conversation", "unknown", "ended", "evicted", "expired"] as const;

export interface RemoveOutcome {
  readonly outcome: (typeof outcomes)[number];
  readonly generation: string;
}

export const removeConversationScript: Script<RemoveConversation, RemoveOutcome> = defineScript({
  lua,
  keys: ({ keys }) => [keys.conversation, keys.messages, keys.conversations, keys.operation, keys.record, keys.index],
  arguments: ({ digest, conversationId, sessionId }) => [
    digest,
    String(OPERATION_WINDOW_MILLISECONDS),
    String(CLEAR_REMEMBERED_MILLISECONDS),
    conversationId,
    sessionId,
  ],
  reply: (reply) => {
    const [first, generation] = list(reply);
    return { outcome: outcome(first, outcomes), generation: text(generation) };
  },
});
