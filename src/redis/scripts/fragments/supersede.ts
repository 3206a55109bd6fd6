import { fragment } from "../../script/fragment.js";
import { now, whole } from "./time.js";

// Two keys say what a turn has to hear that holds a conversation. Both name turns by the tokens of their leases, so they mean
// nothing to another turn.
//
//   stop       "<turn that has to stop> <stop | superseded>"
//   successor  "<until when it is taken for alive> <turn that supersedes the running one> <turns that gave way to it …>". At
//              0 it waits no more: it holds the conversation, or gave up ("-"). A turn that gave way never gets its turn, not
//              even by a try that comes late.

/** The key of a script that has to know whether a turn is to stop. */
export const stopKey = { stop: "string: which turn has to stop, and why" } as const;

export const successorKey = { successor: "string: which turn follows the one that has to stop" } as const;

/** The keys of a script that lets a turn stop another one, and take its place. */
export const supersedingKeys = { ...stopKey, ...successorKey } as const;

/** Returns why the turn of a token has to stop, or nil. */
export const stopReason = fragment(/* lua */ `
local function stopReason(stop, token)
  local target, reason = string.match(redis.call("GET", stop) or "", "^(%S+) (%S+)$")
  return target == token and reason or nil
end`);

/** How long a turn that supersedes another is taken for alive after a try. */
const HEARTBEAT_MILLISECONDS = 2_000;
/** How long the two keys are kept. By then a usual lease that is not renewed has run out, and so has each resend. */
const TOLD_MILLISECONDS = 120_000;
/** How many turns are remembered that gave way. */
const REMEMBERED = 16;

/** Tells the turn that holds a conversation to stop. What it was told first counts. */
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

/** Reads who follows the turn that has to stop: `newest` and its `heard`, and the others as `displaced`. */
const successorOf = fragment(/* lua */ `
local function successorOf(successor)
  local heard, newest, displaced = string.match(redis.call("GET", successor) or "", "^(%d+) (%S+)(.*)$")
  return { heard = tonumber(heard or 0), newest = newest or "-", displaced = displaced or "" }
end`);

/** Writes down that a turn follows the running one until `heard`, or that it waits no more. */
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

/** A turn wants to follow the one that runs: it takes the place of others that want that. */
export const reserve = fragment(
  /* lua */ `
local function reserve(successor, token)
  follow(successor, successorOf(successor), now + ${HEARTBEAT_MILLISECONDS}, token, token)
end`,
  successorOf,
  follow,
  now,
);

/** A turn takes the conversation: those that wanted to be in its place gave way. */
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

/** A turn gives up. The one that it wanted to follow has to stop all the same. */
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
 * Returns what is in the way of a turn that wants the conversation: "busy", or "superseded" by a later turn that wants to
 * stop the same one; nil when nothing is. `over` is the turn that this one wants to stop, "" at its first try. The second
 * value is the turn that holds the conversation.
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
  -- A try that comes when its turn is over.
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
