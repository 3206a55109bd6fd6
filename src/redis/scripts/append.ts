import type { HistoryKeys } from "../keys.js";
import { OPERATION_WINDOW_MILLISECONDS } from "../operation.js";
import { list, outcome } from "../replies.js";
import { defineScript, type Script } from "../script.js";
import { type HeldLease, leaseArguments, leaseLua, messagesLua, operationLua } from "./fragments.js";

// No flags: Redis refuses the whole script when it is out of memory, before it runs. What else could fail is checked
// before the first write.
const lua = /* lua */ `#!lua
--[[
Appends a batch of messages, whole, once.

KEYS[1]  messages    list
KEYS[2]  meta        hash, there only after a clear
KEYS[3]  operation   string, what was written under this operation id
KEYS[4]  lease       string, the token of the turn that holds the conversation
KEYS[5]  holder      string, the token of the turn that held it last

ARGV[1]  digest      of the batch
ARGV[2]  window      milliseconds to remember the operation
ARGV[3]  seen        the clear that the writer's latest read saw, "" for none, "*" when it never read;
                     "new" when there must be no list and no clear at all
ARGV[4]  ttl         milliseconds, "0" for never
ARGV[5]  cap         how many messages to keep, "0" for all
ARGV[6]  token       of the turn that writes, "" when it needs no lease
ARGV[7]  after       "keep" | "release": what becomes of its lease
ARGV[8…] messages    JSON objects without their closing brace

returns  { "appended" | "repeated" | "conflict" | "foreign" | "occupied" | "changed" | "lease-lost" }
--]]
local time = redis.call("TIME")
${operationLua}${messagesLua}${leaseLua}
local messages  = KEYS[1]
local meta      = KEYS[2]
local operation = KEYS[3]
local lease     = KEYS[4]
local holder    = KEYS[5]
local digest    = ARGV[1]
local window    = ARGV[2]
local seen      = ARGV[3]
local ttl       = ARGV[4]
local cap       = tonumber(ARGV[5])
local token     = ARGV[6]
local after     = ARGV[7]

local before = earlier(operation, digest)
if before then
  if before[1] == "repeated" then
    concludeTurn(lease, holder, token, after)
  end
  return before
end
local kind = redis.call("TYPE", messages).ok
if kind ~= "list" and kind ~= "none" then
  return { "foreign" }
end
local cleared = redis.call("HGET", meta, "cleared")
if seen == "new" and (cleared or kind == "list") then
  return { "occupied" }
elseif cleared and seen ~= "*" and seen ~= cleared then
  return { "changed" }
elseif lostLease(lease, holder, token) then
  return { "lease-lost" }
end

remember(operation, digest, window, "")
push(messages, 8, cap)
if ttl == "0" then
  redis.call("PERSIST", messages)
else
  redis.call("PEXPIRE", messages, ttl)
end
concludeTurn(lease, holder, token, after)
return { "appended" }
`;

const outcomes = ["appended", "repeated", "conflict", "foreign", "occupied", "changed", "lease-lost"] as const;
export type AppendOutcome = (typeof outcomes)[number];

export interface Append {
  readonly keys: HistoryKeys;
  readonly operationId: string;
  readonly digest: string;
  readonly seen: string;
  /** 0: never expires. */
  readonly ttlMilliseconds: number;
  /** 0: no cap. */
  readonly maxMessages: number;
  readonly lease: HeldLease | undefined;
  readonly encoded: readonly string[];
}

export const appendScript: Script<Append, AppendOutcome> = defineScript({
  lua,
  keys: ({ keys, operationId }) => [keys.messages, keys.meta, keys.operation(operationId), keys.lease, keys.holder],
  arguments: ({ digest, seen, ttlMilliseconds, maxMessages, lease, encoded }) => [
    digest,
    String(OPERATION_WINDOW_MILLISECONDS),
    seen,
    String(ttlMilliseconds),
    String(maxMessages),
    ...leaseArguments(lease),
    ...encoded,
  ],
  reply: (reply) => outcome(list(reply)[0], outcomes),
});
