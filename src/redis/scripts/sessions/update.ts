import { OPERATION_WINDOW_MILLISECONDS } from "../../operation.js";
import { defineScript, type Script } from "../../script.js";
import { operationLua, sessionLua, timeLua } from "../fragments.js";
import { sessionOutcome, type SessionOutcome } from "./outcome.js";

const lua = /* lua */ `#!lua
--[[
Sets and removes fields of a live session, and renews its idle timeout.

KEYS[1]  record
KEYS[2]  index
KEYS[3]  operation
KEYS[4]  conversation   that it is to point at; its own when it stays
KEYS[5]  conversations  sorted set of the owner's, by last activity

ARGV[1]  digest     of the change
ARGV[2]  window     milliseconds to remember the operation
ARGV[3]  id
ARGV[4]  continues  id of the conversation, when it has to exist already with this agent; else ""
ARGV[5]  removed    how many of the following names are to be removed
ARGV[6…]            names, then name, value, …

returns  { "live", fields } | { "conflict" | "no-conversation" | "unknown" | "ended" | "evicted" | "expired" }
--]]
${timeLua}${sessionLua}${operationLua}
local record        = KEYS[1]
local index         = KEYS[2]
local operation     = KEYS[3]
local conversation  = KEYS[4]
local conversations = KEYS[5]
local digest        = ARGV[1]
local window        = ARGV[2]
local id            = ARGV[3]
local continues     = ARGV[4]
local removed       = tonumber(ARGV[5])

local before = earlier(operation, digest)
if before and before[1] == "conflict" then
  return before
end
local found = state(record, index, id)
if found ~= "live" then
  return { found }
end
if not before then
  local agentId = redis.call("HGET", record, "agentId")
  if continues ~= "" and not canContinue(conversations, conversation, continues, agentId) then
    return { "no-conversation" }
  end
  remember(operation, digest, window, "")
  if #ARGV > 5 + removed then
    redis.call("HSET", record, unpack(ARGV, 6 + removed))
  end
  if removed > 0 then
    redis.call("HDEL", record, unpack(ARGV, 6, 5 + removed))
  end
end
touch(record, index)
return { "live", redis.call("HGETALL", record) }
`;

export interface UpdateSession {
  readonly operationId: string;
  readonly keys: {
    readonly record: string;
    readonly index: string;
    readonly operation: string;
    readonly conversation: string;
    readonly conversations: string;
  };
  readonly digest: string;
  readonly id: string;
  /** `""`: the conversation need not exist. */
  readonly continues: string;
  readonly removed: readonly string[];
  /** Name, value, name, value … */
  readonly fields: readonly string[];
}

export const updateScript: Script<UpdateSession, SessionOutcome> = defineScript({
  lua,
  keys: ({ keys }) => [keys.record, keys.index, keys.operation, keys.conversation, keys.conversations],
  arguments: ({ digest, id, continues, removed, fields }) => [
    digest,
    String(OPERATION_WINDOW_MILLISECONDS),
    id,
    continues,
    String(removed.length),
    ...removed,
    ...fields,
  ],
  reply: sessionOutcome,
});
