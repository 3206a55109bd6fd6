import { OPERATION_WINDOW_MILLISECONDS } from "../../operation.js";
import { list, outcome } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import {
  type HeldLease,
  leaseArguments,
  leaseLua,
  messagesLua,
  operationLua,
  sessionLua,
  timeLua,
} from "../fragments.js";

const lua = /* lua */ `#!lua
--[[
Appends a turn to a conversation on behalf of a live session, whole, once.

KEYS[1]  record         of the session
KEYS[2]  index          of the owner's sessions
KEYS[3]  conversation
KEYS[4]  messages       of the conversation
KEYS[5]  conversations  sorted set of the owner's, by last activity
KEYS[6]  operation
KEYS[7]  lease          of the conversation: the token of the turn that holds it
KEYS[8]  erased         sorted set of the owner's conversations that are still to be erased
KEYS[9]  holder         of the conversation: the token of the turn that held it last

ARGV[1]  digest     of the batch
ARGV[2]  window     milliseconds to remember the operation
ARGV[3]  sessionId
ARGV[4]  conversationId
ARGV[5]  seen       generation that the writer's latest read saw, "" for none, "*" when it never read;
                    "new" when there must be no message and no removal at all
ARGV[6]  ttl        of the conversation in milliseconds
ARGV[7]  cap        how many messages to keep, "0" for all
ARGV[8]  toolCalls  how many the batch holds
ARGV[9]  token      of the turn that writes, "" when it needs no lease
ARGV[10] after      "keep" | "release": what becomes of its lease
ARGV[11…] messages  JSON objects without their closing brace

returns  { "done" | "repeated" | "conflict" | "occupied" | "changed" | "no-conversation" | "lease-lost" | "unknown"
           | "ended" | "evicted" | "expired" }
--]]
${timeLua}${sessionLua}${operationLua}${messagesLua}${leaseLua}
local record         = KEYS[1]
local index          = KEYS[2]
local conversation   = KEYS[3]
local messages       = KEYS[4]
local conversations  = KEYS[5]
local operation      = KEYS[6]
local lease          = KEYS[7]
local erased         = KEYS[8]
local holder         = KEYS[9]
local digest         = ARGV[1]
local window         = ARGV[2]
local sessionId      = ARGV[3]
local conversationId = ARGV[4]
local seen           = ARGV[5]
local ttl            = tonumber(ARGV[6])
local cap            = tonumber(ARGV[7])
local toolCalls      = ARGV[8]
local token          = ARGV[9]
local after          = ARGV[10]

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
local held = redis.call("HMGET", conversation, "generation", "agentId")
local generation = held[1]
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
  -- In a slot that is moving here, where what is still elsewhere looks like nothing, more keys than one stop the script.
  redis.call("EXISTS", conversations, base .. "messages:" .. id)
  if redis.call("LLEN", base .. "messages:" .. id) == 0 then
    expired[#expired + 1] = id
  end
end

remember(operation, digest, window, "")
for _, id in ipairs(expired) do
  redis.call("ZREM", conversations, id)
end
push(messages, 11, cap)
redis.call("HSETNX", conversation, "createdAt", whole(now))
redis.call("HSET", conversation, "agentId", agentId, "activeAt", whole(activeAt))
redis.call("PEXPIRE", conversation, whole(ttl))
redis.call("PEXPIRE", messages, whole(ttl))
redis.call("ZADD", conversations, whole(activeAt), conversationId)
outlive(conversations, now + ttl)
redis.call("HINCRBY", record, "messageCount", #ARGV - 10)
redis.call("HINCRBY", record, "toolCallCount", toolCalls)
touch(record, index)
concludeTurn(lease, holder, token, after)
return { "done" }
`;

export interface AppendToConversation {
  readonly operationId: string;
  readonly keys: {
    readonly record: string;
    readonly index: string;
    readonly conversation: string;
    readonly messages: string;
    readonly conversations: string;
    readonly operation: string;
    readonly lease: string;
    readonly erased: string;
    readonly holder: string;
  };
  readonly digest: string;
  readonly sessionId: string;
  readonly conversationId: string;
  readonly seen: string;
  readonly ttlMilliseconds: number;
  /** 0: no cap. */
  readonly maxMessages: number;
  readonly toolCalls: number;
  readonly lease: HeldLease | undefined;
  readonly encoded: readonly string[];
}

const outcomes = [
  "done",
  "repeated",
  "conflict",
  "occupied",
  "changed",
  "no-conversation",
  "lease-lost",
  "unknown",
  "ended",
  "evicted",
  "expired",
] as const;

export const appendToConversationScript: Script<AppendToConversation, (typeof outcomes)[number]> = defineScript({
  lua,
  keys: ({ keys }) => [
    keys.record,
    keys.index,
    keys.conversation,
    keys.messages,
    keys.conversations,
    keys.operation,
    keys.lease,
    keys.erased,
    keys.holder,
  ],
  arguments: (input) => [
    input.digest,
    String(OPERATION_WINDOW_MILLISECONDS),
    input.sessionId,
    input.conversationId,
    input.seen,
    String(input.ttlMilliseconds),
    String(input.maxMessages),
    String(input.toolCalls),
    ...leaseArguments(input.lease),
    ...input.encoded,
  ],
  reply: (reply) => outcome(list(reply)[0], outcomes),
});
