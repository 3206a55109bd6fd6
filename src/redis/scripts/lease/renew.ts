import type { LeaseKeys } from "../../keys.js";
import { list, outcome } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";

// allow-oom: it only renews what is there.
const lua = /* lua */ `#!lua flags=allow-oom
--[[
Renews a lease that is still this turn's. Repeating it only renews again.

KEYS[1]  lease  string, the token of the turn that holds it

ARGV[1]  token
ARGV[2]  duration  of the lease in milliseconds

returns  { "held" | "lost" }
--]]
local lease    = KEYS[1]
local token    = ARGV[1]
local duration = ARGV[2]

if redis.call("GET", lease) ~= token then
  return { "lost" }
end
redis.call("PEXPIRE", lease, duration)
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
  keys: ({ keys }) => [keys.lease],
  arguments: ({ token, leaseMilliseconds }) => [token, String(leaseMilliseconds)],
  reply: (reply) => outcome(list(reply)[0], outcomes),
});
