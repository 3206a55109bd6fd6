import { fragment } from "../../script/fragment.js";
import { callInParts } from "./long-lists.js";
import { now, outlive, whole } from "./time.js";

// The state of a session, and its end. A record is live while it is in the index, which decides, has not been ended,
// and neither of its deadlines has passed. For a grace period after the end, the record still holds the reason.

/** How much longer than its session a record lives, in milliseconds, to hold the reason of the end. */
export const GRACE_MILLISECONDS = 60_000;

export const grace = fragment(/* lua */ `local GRACE = ${GRACE_MILLISECONDS}`);

/**
 * Returns "live", or the reason why a session that was found in the index is not live: "ended" | "evicted" | "expired"
 * | "unknown". Then what its record says: when it ended, its latest activity, its idle timeout, its last moment, and its
 * agent.
 */
export const listedState = fragment(
  /* lua */ `
local function listedState(record, index)
  local fields = redis.call("HMGET", record, "ended", "activeAt", "idle", "until", "agentId")
  if not (fields[2] and fields[3] and fields[4]) then
    -- In a slot that is moving here, a key that is still elsewhere looks missing. A command with two keys then stops
    -- the script.
    redis.call("EXISTS", index, record)
    return "unknown", fields
  elseif fields[1] then
    return fields[1], fields
  elseif now >= math.min(fields[2] + fields[3], tonumber(fields[4])) then
    return "expired", fields
  end
  return "live", fields
end`,
  now,
);

/**
 * Returns "live", or the reason why a session is not live: "ended" | "evicted" | "expired" | "unknown". Then what its
 * record says, as `listedState` does.
 */
export const state = fragment(
  /* lua */ `
local function state(record, index, id)
  local found, fields = listedState(record, index)
  if found == "live" and not redis.call("ZSCORE", index, id) then
    return "ended", fields
  end
  return found, fields
end`,
  listedState,
);

/** Returns the time until which the record of a session that is active now is kept. */
export const keptUntil = fragment(
  /* lua */ `
local function keptUntil(idle, last)
  return math.min(now + idle, last) + GRACE
end`,
  now,
  grace,
);

/** Renews the idle timeout of a live session. `session` is what `state` read of its record, if it is at hand. */
export const touch = fragment(
  /* lua */ `
local function touch(record, index, session)
  local limits = session and { session[3], session[4] } or redis.call("HMGET", record, "idle", "until")
  local at = keptUntil(tonumber(limits[1]), tonumber(limits[2]))
  redis.call("HSET", record, "activeAt", whole(now))
  redis.call("PEXPIREAT", record, whole(at))
  outlive(index, at)
end`,
  now,
  whole,
  keptUntil,
  outlive,
);

/** Returns a digest of a value, which can be compared but not read. `secret` is what the record holds. */
export const disguised = fragment(/* lua */ `
local function disguised(secret, name, value)
  return redis.sha1hex((secret or "") .. " " .. name .. " " .. value)
end`);

/**
 * Removes an ended session from the index, and leaves in its record only the fields that tell its holder the reason. An
 * erasure finds records through the index, so a record outside the index must not identify its user.
 */
export const unlist = fragment(
  /* lua */ `
local function unlist(record, index, id)
  -- These tables are made in here, because most scripts that hold this function do not call it.
  local KEPT = {
    secret = true, previousSecret = true, replacedAt = true, rotated = true,
    activeAt = true, idle = true, ["until"] = true, ended = true,
  }
  local COMPARED = { userId = true, orgId = true, agentId = true, ipAddress = true, ipAddressDigest = true }
  redis.call("ZREM", index, id)
  local fields = redis.call("HGETALL", record)
  local values = {}
  for i = 1, #fields, 2 do
    values[fields[i]] = fields[i + 1]
  end
  local digests, removed = {}, {}
  for name, value in pairs(values) do
    if COMPARED[name] then
      digests[#digests + 1] = "was:" .. name
      digests[#digests + 1] = disguised(values.secret, name, value)
    end
    if not KEPT[name] and string.sub(name, 1, 4) ~= "was:" then
      removed[#removed + 1] = name
    end
  end
  if #digests > 0 then
    redis.call("HSET", record, unpack(digests))
  end
  callInParts("HDEL", record, removed)
end`,
  callInParts,
  disguised,
);

/** Ends a session, and publishes its end. */
export const endSession = fragment(
  /* lua */ `
local function endSession(record, index, id, reason, channel)
  unlist(record, index, id)
  redis.call("HSET", record, "ended", reason)
  redis.call("PEXPIREAT", record, whole(now + GRACE))
  -- The message is a hint: an ACL without the channel must not stop the script half-way.
  redis.pcall("PUBLISH", channel, id .. " " .. reason)
end`,
  unlist,
  now,
  whole,
  grace,
);

/**
 * Returns the key of a session's record. Derives it from the key of the index, which carries any prefix that the client
 * adds to keys: an index is "<base>sessions", a record "<base>session:<id>".
 */
export const recordOf = fragment(/* lua */ `
local function recordOf(index, id)
  return string.sub(index, 1, -2) .. ":" .. id
end`);

/**
 * Returns whether a session of an agent can continue a conversation. A conversation that is being erased is in no
 * index. One that has a thread but no message yet is in the index of threads.
 */
export const canContinue = fragment(/* lua */ `
local function canContinue(conversations, threads, conversation, id, agentId)
  return (redis.call("ZSCORE", conversations, id) or redis.call("ZSCORE", threads, id))
    and redis.call("HGET", conversation, "agentId") == agentId
end`);

/** Returns the reply for a session that may not use a conversation; otherwise nil. */
export const notAdmitted = fragment(
  /* lua */ `
local function notAdmitted(record, sessions, sessionId, conversation)
  if not record then
    return nil
  end
  local found, session = state(record, sessions, sessionId)
  if found ~= "live" then
    return { found }
  end
  local agentId = redis.call("HGET", conversation, "agentId")
  if agentId and agentId ~= session[5] then
    return { "no-conversation" }
  end
  return nil
end`,
  state,
);
