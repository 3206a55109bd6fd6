import type { LeaseKeys } from "../../keys.js";
import { list, outcome } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import { HOLDER_MILLISECONDS, leaseLua } from "../fragments.js";

// allow-oom: it writes two short strings, which were there before. A turn that runs must not lose its conversation.

const lua: string = /* lua */ `#!lua flags=allow-oom
--[[
Renews a lease that is still this turn's, or takes it again when it has lapsed and no other turn took it since. Repeating
it only renews again.

KEYS[1]  lease   string, the token of the turn that holds it
KEYS[2]  holder  string, the token of the turn that held it last

ARGV[1]  token
ARGV[2]  duration    of the lease in milliseconds
ARGV[3]  remembered  milliseconds for which a lapsed lease may be taken again

returns  { "held" | "lost" }
--]]
${leaseLua}
local lease      = KEYS[1]
local holder     = KEYS[2]
local token      = ARGV[1]
local duration   = ARGV[2]
local remembered = ARGV[3]

if lostLease(lease, holder, token) then
  return { "lost" }
end
redis.call("SET", lease, token, "PX", duration)
redis.call("SET", holder, token, "PX", remembered)
return { "held" }
`;

export interface RenewLease {
  readonly keys: LeaseKeys;
  readonly token: string;
  readonly leaseMilliseconds: number;
}

const outcomes = ["held", "lost"] as const;

export const renewLeaseScript: Script<RenewLease, (typeof outcomes)[number]> = defineScript({
  lua,
  keys: ({ keys }) => [keys.lease, keys.holder],
  arguments: ({ token, leaseMilliseconds }) => [token, String(leaseMilliseconds), String(HOLDER_MILLISECONDS)],
  reply: (reply) => outcome(list(reply)[0], outcomes),
});
