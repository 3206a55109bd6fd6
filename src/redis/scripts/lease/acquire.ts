import type { LeaseKeys } from "../../keys.js";
import { count, list, outcome, text } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import { HOLDER_MILLISECONDS, sessionLua, timeLua } from "../fragments.js";

/** A waiter that was not heard of for so long loses its place. Several times the longest pause between two tries. */
const HEARTBEAT_MILLISECONDS = 2_000;

// No flags: when Redis is out of memory the turn could not be stored, so it had better not begin. What could fail for the
// type of a key does so before the first write.
const lua = /* lua */ `#!lua
--[[
One try to hold a conversation for a turn. Whoever asked first goes first, as long as it goes on asking.

KEYS[1]  lease    string, the token of the turn that holds it
KEYS[2]  waiting  sorted set: "<ticket>:<token>", scored by the time until which that turn is taken for alive
KEYS[3]  holder   string, the token of the turn that held it last
KEYS[4]  record   of the session that asks; absent for a history on its own
KEYS[5]  index    of the owner's sessions; likewise

ARGV[1]  token
ARGV[2]  ticket     that the first try returned, "" at the first try: 16 digits, lower ones go first
ARGV[3]  duration   of the lease in milliseconds
ARGV[4]  mode       "wait": stand in line; "reject": leave no trace
ARGV[5]  heartbeat  milliseconds after which a waiter that is not heard of loses its place
ARGV[6]  sessionId  "" for a history on its own
ARGV[7]  remembered milliseconds for which a lapsed lease may be taken again

returns  { "granted" | "busy", ticket, how many are waiting in front }
       | { "unknown" | "ended" | "evicted" | "expired", "", 0 }
--]]
${timeLua}${sessionLua}
local lease     = KEYS[1]
local waiting   = KEYS[2]
local lastHolder = KEYS[3]
local record    = KEYS[4]
local index     = KEYS[5]
local token     = ARGV[1]
local ticket    = ARGV[2]
local duration  = ARGV[3]
local mode      = ARGV[4]
local heartbeat = ARGV[5]
local sessionId = ARGV[6]
local remembered = ARGV[7]

if record then
  local found = state(record, index, sessionId)
  if found ~= "live" then
    return { found, "", 0 }
  end
end
local holder = redis.call("GET", lease)
redis.call("ZREMRANGEBYSCORE", waiting, "-inf", whole(now))

local tickets = {}
local latest  = 0
for i, waiter in ipairs(redis.call("ZRANGE", waiting, 0, -1)) do
  tickets[i] = tonumber(string.sub(waiter, 1, 16))
  latest = math.max(latest, tickets[i])
  -- The reply to the first try was lost, and it is repeated: it has its place already.
  if ticket == "" and string.sub(waiter, 18) == token then
    ticket = string.sub(waiter, 1, 16)
  end
end
if ticket == "" then
  -- Behind all others, also after a failover to a server whose clock is behind.
  ticket = whole(math.max(microseconds, latest + 1))
end
local ahead = 0
for _, other in ipairs(tickets) do
  if other < tonumber(ticket) then
    ahead = ahead + 1
  end
end

local waiter = ticket .. ":" .. token
if holder == token or (not holder and ahead == 0) then
  redis.call("SET", lease, token, "PX", duration)
  redis.call("SET", lastHolder, token, "PX", remembered)
  redis.call("ZREM", waiting, waiter)
  return { "granted", ticket, 0 }
end
if mode == "wait" then
  -- A waiter that was taken for dead comes back with its ticket, and to its place.
  redis.call("ZADD", waiting, whole(now + heartbeat), waiter)
  outlive(waiting, now + heartbeat)
end
return { "busy", ticket, ahead }
`;

export interface AcquireLease {
  readonly keys: LeaseKeys;
  /** Which has to be live; `undefined` for a history on its own. */
  readonly session: { readonly id: string; readonly record: string; readonly index: string } | undefined;
  readonly token: string;
  /** `""` at the first try. */
  readonly ticket: string;
  readonly leaseMilliseconds: number;
  readonly mode: "wait" | "reject";
}

const outcomes = ["granted", "busy", "unknown", "ended", "evicted", "expired"] as const;

export interface AcquireOutcome {
  readonly outcome: (typeof outcomes)[number];
  readonly ticket: string;
  /** How many are waiting in front; the turn that holds the lease is none of them. */
  readonly position: number;
}

export const acquireLeaseScript: Script<AcquireLease, AcquireOutcome> = defineScript({
  lua,
  keys: ({ keys, session }) => [
    keys.lease,
    keys.waiting,
    keys.holder,
    ...(session ? [session.record, session.index] : []),
  ],
  arguments: ({ session, token, ticket, leaseMilliseconds, mode }) => [
    token,
    ticket,
    String(leaseMilliseconds),
    mode,
    String(HEARTBEAT_MILLISECONDS),
    session?.id ?? "",
    String(HOLDER_MILLISECONDS),
  ],
  reply: (reply) => {
    const [first, ticket, position] = list(reply);
    return { outcome: outcome(first, outcomes), ticket: text(ticket), position: count(position) };
  },
});
