import { fragment } from "../../script/fragment.js";
import { now, whole } from "./time.js";

// Two keys hold messages for the turn that holds a conversation. Both name turns by the tokens of their leases, so they
// do not concern any other turn.
//
//   stop       "<turn that has to stop> <stop | superseded>"
//   successor  "<time until which it counts as alive> <superseding turn> <turns that gave way to it …>".
//              The time 0 means that it no longer waits: it holds the conversation, or gave up ("-"). A turn that gave
//              way never gets the conversation, not even by a late try.

/** The key of a script that needs to know whether a turn has to stop. */
export const stopKey = { stop: "string: the turn that has to stop, and the reason" } as const;

export const successorKey = { successor: "string: the turn that follows the one that has to stop" } as const;

/** The keys of a script in which a turn stops another one and takes its place. */
export const supersedingKeys = { ...stopKey, ...successorKey } as const;

/** Returns the reason why a turn has to stop; nil if it does not. */
export const stopReason = fragment(/* lua */ `
local function stopReason(stop, token)
  local target, reason = string.match(redis.call("GET", stop) or "", "^(%S+) (%S+)$")
  return target == token and reason or nil
end`);

/** How long a turn that supersedes another counts as alive after a try. */
const HEARTBEAT_MILLISECONDS = 2_000;
/**
 * How long the two keys are kept. After this time, a usual lease that is not renewed has expired, and no resend is
 * under way.
 */
const TOLD_MILLISECONDS = 120_000;
/** How many turns that gave way are remembered. */
const REMEMBERED = 16;

/** Tells the turn that holds a conversation to stop. If it was told before, the first reason counts. */
export const askToStop = fragment(
  /* lua */ `
local function askToStop(stop, lease, target, reason, channel)
  local told = stopReason(stop, target)
  if not told then
    local left = math.max(${TOLD_MILLISECONDS}, redis.call("PTTL", lease))
    redis.call("SET", stop, target .. " " .. reason, "PX", whole(left))
  end
  -- The message is a hint: an ACL without the channel must not stop the script half-way.
  redis.pcall("PUBLISH", channel, "stop " .. target .. " " .. (told or reason))
end`,
  stopReason,
  whole,
);

/**
 * Returns the turns that follow the one that has to stop: `newest` with its time `heard`, and the others as
 * `displaced`.
 */
const successorOf = fragment(/* lua */ `
local function successorOf(successor)
  local heard, newest, displaced = string.match(redis.call("GET", successor) or "", "^(%d+) (%S+)(.*)$")
  return { heard = tonumber(heard or 0), newest = newest or "-", displaced = displaced or "" }
end`);

/** Records that a turn follows the running one until `heard`, or that it no longer waits. */
const follow = fragment(
  /* lua */ `
local function follow(successor, found, heard, newest, token)
  local names, count = "", 0
  local before = (found.newest ~= newest and found.newest ~= "-" and found.newest or "") .. " " .. found.displaced
  for name in string.gmatch((token ~= newest and token or "") .. " " .. before, "%S+") do
    if name ~= newest and count < ${REMEMBERED} and not string.find(names .. " ", " " .. name .. " ", 1, true) then
      names, count = names .. " " .. name, count + 1
    end
  end
  redis.call("SET", successor, whole(heard) .. " " .. newest .. names, "PX", "${TOLD_MILLISECONDS}")
end`,
  whole,
);

/**
 * Reserves the conversation for a turn that wants to follow the running one. It displaces other turns that want the
 * same.
 */
export const reserve = fragment(
  /* lua */ `
local function reserve(successor, token)
  follow(successor, successorOf(successor), now + ${HEARTBEAT_MILLISECONDS}, token, token)
end`,
  successorOf,
  follow,
  now,
);

/** Records that a turn takes the conversation. The turns that wanted its place have given way. */
export const succeed = fragment(
  /* lua */ `
local function succeed(successor, token, supersedes)
  if supersedes or redis.call("EXISTS", successor) == 1 then
    follow(successor, successorOf(successor), 0, token, token)
  end
end`,
  successorOf,
  follow,
);

/** Records that a turn gives up. The turn that it wanted to follow still has to stop. */
export const giveUp = fragment(
  /* lua */ `
local function giveUp(successor, token)
  local found = successorOf(successor)
  local isNewest = found.newest == token
  follow(successor, found, isNewest and 0 or found.heard, isNewest and "-" or found.newest, token)
end`,
  successorOf,
  follow,
);

/**
 * Returns the obstacle for a turn that wants the conversation: "busy", or "superseded" by a later turn that wants to
 * stop the same one; nil if there is none. `over` is the turn that this one wants to stop, "" at its first try. The
 * second value is the turn that holds the conversation.
 */
export const inTheWay = fragment(
  /* lua */ `
local function inTheWay(lease, successor, token, supersedes, over)
  local holds = redis.call("GET", lease)
  if holds == token then
    return nil
  end
  local found = successorOf(successor)
  local gaveWay = string.find(found.displaced .. " ", " " .. token .. " ", 1, true)
  -- This try comes after its turn is over.
  local isOver = found.newest == token and found.heard == 0
  if gaveWay or isOver then
    return "superseded"
  end
  local isReserved = found.newest ~= token and now < found.heard
  if not supersedes then
    return (holds or isReserved) and "busy" or nil, holds
  elseif over ~= "" and (isReserved or (holds and holds ~= over)) then
    return "superseded"
  end
  return holds and "busy" or nil, holds
end`,
  successorOf,
  now,
);
