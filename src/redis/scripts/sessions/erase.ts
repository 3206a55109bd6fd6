import { CLEAR_REMEMBERED_MILLISECONDS } from "../../operation.js";
import { count, list } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import { notBeforeLua, removalLua, timeLua } from "../fragments.js";

/** So many sessions, conversations and memories are removed in one step; no step blocks Redis for long. */
const STEP = 200;

// allow-oom: it only removes. Safe to repeat: what an interrupted run left is under the names that the first step gave.
const lua = /* lua */ `#!lua flags=allow-oom
--[[
One step of erasing all that an owner has. The first takes the indexes away, which ends every session at once: a record
that no index knows is no session, a memory that none knows is empty. The rest removes what they listed, a bounded number
at a time. Sign-ins from before are not good any more: a mark says so. Of a conversation its next generation stays, as when it is deleted: it keeps turns in flight from coming back.

KEYS[1]  sessions               sorted set of the owner's
KEYS[2]  conversations          sorted set of the owner's
KEYS[3]  memories               sorted set of the owner's
KEYS[4]  sessions to erase      sorted set
KEYS[5]  conversations to erase sorted set
KEYS[6]  memories to erase      sorted set
KEYS[7]  notBefore              since when a sign-in has to be newer

ARGV[1]  channel     on which endings are published
ARGV[2]  step        how many of each at most
ARGV[3]  first       "1" for the first step
ARGV[4]  remembered  milliseconds to remember that a conversation was removed
ARGV[5]  signIns     milliseconds to remember since when a sign-in has to be newer

returns  { sessions removed, conversations removed, memories removed, how many are left }
--]]
${timeLua}${removalLua}${notBeforeLua}
local sessions   = KEYS[1]
local memories   = KEYS[3]
local channel    = ARGV[1]
local step       = ARGV[2]
local first      = ARGV[3] == "1"
local remembered = ARGV[4]

local base = string.sub(sessions, 1, -#"sessions" - 1)
local pairsOfIndexes = { { sessions, KEYS[4] }, { KEYS[2], KEYS[5] }, { memories, KEYS[6] } }
-- Read before the first write: in a slot that is moving, a key that is gone stops the script here.
for _, pair in ipairs(pairsOfIndexes) do
  redis.call("EXISTS", pair[1], pair[2])
end
if first then
  markNotBefore(KEYS[7], "", ARGV[5])
  for _, pair in ipairs(pairsOfIndexes) do
    if redis.call("EXISTS", pair[1]) == 1 then
      local expiry, other = redis.call("PEXPIRETIME", pair[1]), redis.call("PEXPIRETIME", pair[2])
      redis.call("ZUNIONSTORE", pair[2], 2, pair[1], pair[2], "AGGREGATE", "MAX")
      -- -1: what is to last for ever is listed for as long.
      if expiry ~= -1 and other ~= -1 then
        redis.call("PEXPIREAT", pair[2], string.format("%.0f", math.max(expiry, other)))
      end
      redis.call("DEL", pair[1])
    end
  end
end

local sessionsRemoved, conversationsRemoved, memoriesRemoved = 0, 0, 0
for _, id in ipairs(redis.call("ZRANGE", KEYS[4], 0, step - 1)) do
  sessionsRemoved = sessionsRemoved + redis.call("UNLINK", base .. "session:" .. id)
  redis.call("ZREM", KEYS[4], id)
  redis.pcall("PUBLISH", channel, id .. " ended")
end
for _, id in ipairs(redis.call("ZRANGE", KEYS[5], 0, step - 1)) do
  local conversation, messages = base .. "conversation:" .. id, base .. "messages:" .. id
  local removed = removeConversation(conversation, messages, whole(microseconds), remembered)
  conversationsRemoved = conversationsRemoved + removed
  redis.call("ZREM", KEYS[5], id)
end
for _, member in ipairs(redis.call("ZRANGE", KEYS[6], 0, step - 1)) do
  -- Listed anew: a session that began since has written to it, and began with removing what was left.
  if not redis.call("ZSCORE", memories, member) then
    local memory = base .. "memory:" .. member
    memoriesRemoved = memoriesRemoved + redis.call("UNLINK", memory .. ":values")
    redis.call("UNLINK", memory .. ":deadlines", memory .. ":usage", memory .. ":writes")
  end
  redis.call("ZREM", KEYS[6], member)
end
local left = redis.call("ZCARD", KEYS[4]) + redis.call("ZCARD", KEYS[5]) + redis.call("ZCARD", KEYS[6])
return { sessionsRemoved, conversationsRemoved, memoriesRemoved, left }
`;

export interface EraseStep {
  readonly keys: {
    readonly sessions: string;
    readonly conversations: string;
    readonly memories: string;
    readonly erasedSessions: string;
    readonly erasedConversations: string;
    readonly erasedMemories: string;
    readonly notBefore: string;
  };
  readonly channel: string;
  readonly first: boolean;
  readonly rememberedMilliseconds: number;
}

export interface EraseOutcome {
  readonly sessions: number;
  readonly conversations: number;
  readonly memories: number;
  readonly left: number;
}

export const eraseScript: Script<EraseStep, EraseOutcome> = defineScript({
  lua,
  changes: true,
  keys: ({ keys }) => [
    keys.sessions,
    keys.conversations,
    keys.memories,
    keys.erasedSessions,
    keys.erasedConversations,
    keys.erasedMemories,
    keys.notBefore,
  ],
  arguments: ({ channel, first, rememberedMilliseconds }) => [
    channel,
    String(STEP),
    first ? "1" : "0",
    String(CLEAR_REMEMBERED_MILLISECONDS),
    String(rememberedMilliseconds),
  ],
  reply: (reply) => {
    const [sessions, conversations, memories, left] = list(reply);
    return {
      sessions: count(sessions),
      conversations: count(conversations),
      memories: count(memories),
      left: count(left),
    };
  },
});
