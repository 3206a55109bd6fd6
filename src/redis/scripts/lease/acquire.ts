import { count, text as textReply } from "../../replies.js";
import { notLive } from "../../refusals.js";
import { oneOf, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { heldKeys, holdLease } from "../fragments/lease.js";
import { state } from "../fragments/session.js";
import { askToStop, inTheWay, reserve, succeed, supersedingKeys } from "../fragments/supersede.js";
import { microseconds, now, outlive, whole } from "../fragments/time.js";

/** How long a waiter keeps its place without a try. The longest pause between two tries is several times shorter. */
const HEARTBEAT_MILLISECONDS = 2_000;

/**
 * Parses the place in the queue. A turn that interrupts another has none: its ticket is the turn that it wants to stop.
 */
const place = (ticket: unknown, position: unknown): { ticket: string; position: number } => ({
  ticket: textReply(ticket),
  position: count(position),
});

// No flags: if Redis is out of memory, the turn could not be stored, so it must not begin. A key of a wrong type stops
// the script before its first write.
export const acquireLeaseScript = defineScript({
  name: "lease.acquire",
  about:
    "tries once to take a conversation for a turn. The turn that asked first goes first, as long as it keeps trying.",
  keys: {
    ...heldKeys,
    waiting: 'sorted set: "<ticket>:<token>" of waiting turns, by the time until which each counts as alive',
  },
  optionalKeys: {
    record: "hash: the session that asks",
    index: "sorted set: the owner's sessions",
    ...supersedingKeys,
  },
  arguments: {
    token: text("the token of the turn"),
    ticket: text('the ticket that the first try returned, "" at the first try: 16 digits, lower ones go first'),
    duration: text("the duration of the lease in milliseconds"),
    mode: oneOf(["wait", "reject", "interrupt"], "wait in the queue, leave no trace, or stop the running turn"),
    sessionId: text('the id of the session that asks, "" for a standalone history'),
    channel: text("the Pub/Sub channel of the conversation's answers"),
  },
  answers: { granted: place, busy: place, superseded: place },
  refusals: notLive,
  uses: [state, holdLease, inTheWay, askToStop, reserve, succeed, microseconds, now, whole, outlive],
  lua: /* lua */ `
if record then
  local found = state(record, index, sessionId)
  if found ~= "live" then
    return { found }
  end
end
local held = redis.call("GET", lease)
if successor then
  local obstacle, holds = inTheWay(lease, successor, token, mode == "interrupt", mode == "interrupt" and ticket or "")
  if mode == "interrupt" and obstacle == "busy" then
    reserve(successor, token)
    askToStop(stop, lease, holds, "superseded", channel)
    return { "busy", holds, 0 }
  elseif mode == "interrupt" then
    if not obstacle then
      holdLease(lease, holder, token, duration)
      succeed(successor, token, true)
    end
    return { obstacle or "granted", ticket, 0 }
  end
  -- A turn that has stopped another one goes first.
  held = held or (obstacle and "reserved")
end
redis.call("ZREMRANGEBYSCORE", waiting, "-inf", whole(now))

local tickets = {}
local latest  = 0
for i, waiter in ipairs(redis.call("ZRANGE", waiting, 0, -1)) do
  tickets[i] = tonumber(string.sub(waiter, 1, 16))
  latest = math.max(latest, tickets[i])
  -- The reply to the first try was lost, and this try repeats it, so the turn has a place already.
  if ticket == "" and string.sub(waiter, 18) == token then
    ticket = string.sub(waiter, 1, 16)
  end
end
if ticket == "" then
  -- Go behind all others, even after a failover to a server whose clock is behind.
  ticket = whole(math.max(microseconds, latest + 1))
end
local ahead = 0
for _, other in ipairs(tickets) do
  if other < tonumber(ticket) then
    ahead = ahead + 1
  end
end

local waiter = ticket .. ":" .. token
if held == token or (not held and ahead == 0) then
  holdLease(lease, holder, token, duration)
  redis.call("ZREM", waiting, waiter)
  return { "granted", ticket, 0 }
end
if mode == "wait" then
  -- A waiter that counted as dead comes back with its ticket, and so to its place.
  local heard = now + ${HEARTBEAT_MILLISECONDS}
  redis.call("ZADD", waiting, whole(heard), waiter)
  outlive(waiting, heard)
end
return { "busy", ticket, ahead }
`,
});
