import { count, text as textReply } from "../../replies.js";
import { notLive } from "../../refusals.js";
import { oneOf, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { heldKeys, holdLease } from "../fragments/lease.js";
import { state } from "../fragments/session.js";
import { askToStop, inTheWay, reserve, succeed, supersedingKeys } from "../fragments/supersede.js";
import { microseconds, now, outlive, whole } from "../fragments/time.js";

/** A waiter that does not ask for this long loses its place. The longest pause between two tries is several times shorter. */
const HEARTBEAT_MILLISECONDS = 2_000;

/** The place in the line. A turn that interrupts another stands in none: its ticket is the turn that it wants to stop. */
const place = (ticket: unknown, position: unknown): { ticket: string; position: number } => ({
  ticket: textReply(ticket),
  position: count(position),
});

// No flags: when Redis is out of memory the turn could not be stored, so it had better not begin. What could fail for the
// type of a key does so before the first write.
export const acquireLeaseScript = defineScript({
  name: "lease.acquire",
  about:
    "one try to hold a conversation for a turn. The turn that asked first goes first, as long as it goes on asking.",
  keys: {
    ...heldKeys,
    waiting: 'sorted set: "<ticket>:<token>", by the time until which that turn is taken for alive',
  },
  optionalKeys: {
    record: "hash: the session that asks",
    index: "sorted set: the owner's sessions",
    ...supersedingKeys,
  },
  arguments: {
    token: text("of the turn"),
    ticket: text('that the first try returned, "" at the first try: 16 digits, lower ones go first'),
    duration: text("of the lease in milliseconds"),
    mode: oneOf(["wait", "reject", "interrupt"], "stand in line, leave no trace, or stop the turn that runs"),
    sessionId: text('"" for a history on its own'),
    channel: text("of the conversation's answers"),
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
  -- The turn that stopped another one goes first.
  held = held or (obstacle and "reserved")
end
redis.call("ZREMRANGEBYSCORE", waiting, "-inf", whole(now))

local tickets = {}
local latest  = 0
for i, waiter in ipairs(redis.call("ZRANGE", waiting, 0, -1)) do
  tickets[i] = tonumber(string.sub(waiter, 1, 16))
  latest = math.max(latest, tickets[i])
  -- The reply to the first try was lost, and the try is repeated: it has its place already.
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
if held == token or (not held and ahead == 0) then
  holdLease(lease, holder, token, duration)
  redis.call("ZREM", waiting, waiter)
  return { "granted", ticket, 0 }
end
if mode == "wait" then
  -- A waiter that was taken for dead comes back with its ticket, and to its place.
  local heard = now + ${HEARTBEAT_MILLISECONDS}
  redis.call("ZADD", waiting, whole(heard), waiter)
  outlive(waiting, heard)
end
return { "busy", ticket, ahead }
`,
});
