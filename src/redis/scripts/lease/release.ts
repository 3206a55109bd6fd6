import type { LeaseKeys } from "../../keys.js";
import { list, outcome } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import { leaseLua } from "../fragments.js";

// allow-oom: it only removes.
const lua = /* lua */ `#!lua flags=allow-oom
--[[
Gives back the lease, if it is this turn's, and its place in the line. Repeating it does nothing.

KEYS[1]  lease    string, the token of the turn that holds it
KEYS[2]  waiting  sorted set: "<ticket>:<token>"
KEYS[3]  holder   string, the token of the turn that held it last

ARGV[1]  token

returns  { "released" }
--]]
${leaseLua}
local lease   = KEYS[1]
local waiting = KEYS[2]
local holder  = KEYS[3]
local token   = ARGV[1]

-- By the token: a turn that gives up before the first reply has no ticket to show.
local waiters = redis.call("ZRANGE", waiting, 0, -1)
concludeTurn(lease, holder, token, "release")
for _, waiter in ipairs(waiters) do
  if string.sub(waiter, 18) == token then
    redis.call("ZREM", waiting, waiter)
  end
end
return { "released" }
`;

export interface ReleaseLease {
  readonly keys: LeaseKeys;
  readonly token: string;
}

export const releaseLeaseScript: Script<ReleaseLease, "released"> = defineScript({
  lua,
  keys: ({ keys }) => [keys.lease, keys.waiting, keys.holder],
  arguments: ({ token }) => [token],
  reply: (reply) => outcome(list(reply)[0], ["released"]),
});
