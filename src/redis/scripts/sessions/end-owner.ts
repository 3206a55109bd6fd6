import { count, list } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import { notBeforeLua, sessionLua, timeLua } from "../fragments.js";

// allow-oom: what should end must be able to end. Repeating it finds the mark of the first time.
const lua = /* lua */ `#!lua flags=allow-oom
--[[
Ends all sessions of one owner among many, unless that was done since a time. Remembers no operation.

KEYS[1]  index
KEYS[2]  notBefore   since when a sign-in has to be newer

ARGV[1]  channel     on which endings are published
ARGV[2]  remembered  milliseconds to remember since when a sign-in has to be newer
ARGV[3]  since       milliseconds, by this server's clock

returns  { owners for whom it was done now: 0 or 1, how many sessions were live }
--]]
${timeLua}${sessionLua}${notBeforeLua}
local index     = KEYS[1]
local notBefore = KEYS[2]
local channel   = ARGV[1]
local since     = tonumber(ARGV[3])

-- All, and nobody spared.
local at = string.match(redis.call("GET", notBefore) or "", "^(%d+) $")
if at and tonumber(at) >= since then
  return { 0, 0 }
end
-- Every record is read before the first write: in a slot that is moving, a key that is gone stops the script here.
local live = {}
local members = redis.call("ZRANGE", index, 0, -1)
for _, member in ipairs(members) do
  if state(recordOf(index, member), index, member) == "live" then
    live[#live + 1] = member
  end
end
markNotBefore(notBefore, "", ARGV[2])
for _, member in ipairs(live) do
  finish(recordOf(index, member), index, member, "ended", channel)
end
redis.call("DEL", index)
return { 1, #live }
`;

export interface EndOwner {
  readonly keys: { readonly sessions: string; readonly notBefore: string };
  readonly channel: string;
  readonly rememberedMilliseconds: number;
  readonly since: number;
}

export interface EndedOwner {
  readonly owners: number;
  readonly sessions: number;
}

export const endOwnerScript: Script<EndOwner, EndedOwner> = defineScript({
  lua,
  changes: true,
  keys: ({ keys }) => [keys.sessions, keys.notBefore],
  arguments: ({ channel, rememberedMilliseconds, since }) => [channel, String(rememberedMilliseconds), String(since)],
  reply: (reply) => {
    const [owners, sessions] = list(reply);
    return { owners: count(owners), sessions: count(sessions) };
  },
});
