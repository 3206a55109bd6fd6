import { OPERATION_WINDOW_MILLISECONDS } from "../../operation.js";
import { count, list, outcome } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import { notBeforeLua, operationLua, sessionLua, timeLua } from "../fragments.js";

// allow-oom: what should end must be able to end, above all when memory is short.
const lua = /* lua */ `#!lua flags=allow-oom
--[[
Ends sessions of one owner: one, all, or all but one. After all, sign-ins from before are not good any more.

KEYS[1]  index
KEYS[2]  operation
KEYS[3]  record     of the one to end, or the index again
KEYS[4]  notBefore  since when a sign-in has to be newer

ARGV[1]  digest     of the ending
ARGV[2]  window     milliseconds to remember the operation
ARGV[3]  channel    on which endings are published
ARGV[4]  scope      "one" | "all"
ARGV[5]  id         of the one to end; of the one to spare, or ""
ARGV[6]  secret     hash that the one must have, "" for none
ARGV[7]  remembered milliseconds to remember since when a sign-in has to be newer

returns  { "done" | "repeated", how many were live } | { "conflict", "" }
--]]
${timeLua}${sessionLua}${operationLua}${notBeforeLua}
local index     = KEYS[1]
local operation = KEYS[2]
local digest    = ARGV[1]
local window    = ARGV[2]
local channel   = ARGV[3]
local scope     = ARGV[4]
local id        = ARGV[5]
local secret    = ARGV[6]

local before = earlier(operation, digest)
if before then
  return before
end

-- Every record is read before the first write: in a slot that is moving, a key that is gone stops the script here.
local members, live, stale = {}, {}, {}
if scope == "all" then
  members = redis.call("ZRANGE", index, 0, -1)
elseif secret == "" or redis.call("HGET", KEYS[3], "secret") == secret then
  members = { id }
else
  return { "done", "0" } -- No such token: nothing is done, nothing remembered.
end
local function recordFor(member)
  return scope == "one" and KEYS[3] or recordOf(index, member)
end
for _, member in ipairs(members) do
  if scope == "one" or member ~= id then
    local list = state(recordFor(member), index, member) == "live" and live or stale
    list[#list + 1] = member
  end
end

remember(operation, digest, window, tostring(#live))
if scope == "all" then
  markNotBefore(KEYS[4], id, ARGV[7])
end
for _, member in ipairs(stale) do
  unlist(recordFor(member), index, member)
end
for _, member in ipairs(live) do
  finish(recordFor(member), index, member, "ended", channel)
end
return { "done", tostring(#live) }
`;

export interface EndSessions {
  readonly operationId: string;
  readonly keys: {
    readonly index: string;
    readonly operation: string;
    readonly record: string;
    readonly notBefore: string;
  };
  readonly digest: string;
  readonly channel: string;
  readonly scope: "one" | "all";
  readonly id: string;
  /** `""`: whatever the secret. */
  readonly secretHash: string;
  readonly rememberedMilliseconds: number;
}

/** How many live sessions were ended, or `"conflict"`. */
export const endScript: Script<EndSessions, number | "conflict"> = defineScript({
  lua,
  keys: ({ keys }) => [keys.index, keys.operation, keys.record, keys.notBefore],
  arguments: ({ digest, channel, scope, id, secretHash, rememberedMilliseconds }) => [
    digest,
    String(OPERATION_WINDOW_MILLISECONDS),
    channel,
    scope,
    id,
    secretHash,
    String(rememberedMilliseconds),
  ],
  reply: (reply) => {
    const [first, ended] = list(reply);
    return outcome(first, ["done", "repeated", "conflict"]) === "conflict" ? "conflict" : count(ended);
  },
});
