import { operationLua, sessionLua, timeLua } from "../fragments.js";
import { finishLua } from "./finish.js";

// Lua that the scripts of agent memory share.

/** Version, deadline and number of items stand before the JSON text with fixed widths: its length tells that of the text. */
export const HEADER_BYTES = 42;

/**
 * Needs what the header of each script lists. A value whose deadline has passed is none, whether or not it was removed.
 */
export const memoryReadLua: string = /* lua */ `${timeLua}${sessionLua}
local HEADER      = ${HEADER_BYTES}
local values      = KEYS[1]
local deadlines   = KEYS[2]
local usage       = KEYS[3]
local writes      = KEYS[4]
local operation   = KEYS[5]
local record      = KEYS[6]
local index       = KEYS[7]
local memories    = KEYS[8]
local digest      = ARGV[1]
local window      = ARGV[2]
local sessionId   = ARGV[3]
local agentId     = ARGV[4]
local member      = ARGV[5]
local ttl         = tonumber(ARGV[6])

-- The reply to one who may not enter. An agent in flight cannot bring back what was erased with its session, nor reach
-- the memory of another agent with a session that was changed on its way.
local function refused()
  if not record then
    return nil
  end
  local found = state(record, index, sessionId)
  if found == "live" and redis.call("HGET", record, "agentId") ~= agentId then
    found = "mismatch"
  end
  return found ~= "live" and { found } or nil
end

-- The owner's index is the authority: a namespace that is not in it was erased, whatever of it is still to be removed.
local function listed()
  return not record or redis.call("ZSCORE", memories, member)
end

-- A stored text, unless its deadline has passed. "0000000000000" is none; what has no header is left to the reader.
local function alive(stored)
  local deadline = stored and tonumber(string.sub(stored, 18, 30)) or 0
  return (deadline == 0 or deadline > now) and stored
end
`;

/**
 * What a write does around its effect.
 *
 * The accounting counts what is stored, so expired values have to leave it before it is believed. Each script removes
 * up to STEP of them, and itself the ones whose keys it writes. Counting too much never lets a write in that should be
 * refused; so only a refusal needs certainty: where expired values may be left, the reply is "more" instead, nothing is
 * done, and the caller asks again, until none are left.
 */
export const memoryWriteLua: string = /* lua */ `${memoryReadLua}${operationLua}
local STEP = 100
local DAY  = 86400000
local limits = {
  writesPerDay = tonumber(ARGV[7]),
  storageBytes = tonumber(ARGV[8]),
  valueBytes   = tonumber(ARGV[9]),
  keys         = tonumber(ARGV[10]),
}
local today = math.floor(now / DAY)
local bytes, version, written, more

-- After what changed the values, before what may return.
local function account()
  if redis.call("HLEN", values) == 0 then
    redis.call("DEL", usage)
  else
    redis.call("HSET", usage, "bytes", whole(bytes), "version", whole(version))
  end
end

local function drop(key)
  local length = redis.call("HSTRLEN", values, key)
  if length > 0 then
    bytes = bytes - #key - (length - HEADER)
    redis.call("HDEL", values, key)
  end
  redis.call("ZREM", deadlines, key)
end

-- Refuses, or else makes the accounting ready. Every key is read before the first write: one of another type stops the
-- script here.
local function enter()
  local refusal = refused()
  if refusal then
    return refusal
  end
  local used    = redis.call("HMGET", usage, "bytes", "version")
  local counted = redis.call("HMGET", writes, "day", "count")
  local expired = redis.call("ZRANGE", deadlines, "-inf", whole(now), "BYSCORE", "LIMIT", 0, STEP)
  redis.call("HLEN", values)
  bytes   = tonumber(used[1]) or 0
  -- By the clock, and not from 1 on: what forgets the last version (a clear, an expiry, an erasure) then brings none of
  -- the old ones back, and a writer that still expects one is refused.
  version = math.max(microseconds, (tonumber(used[2]) or 0) + 1)
  written = tonumber(counted[1]) == today and tonumber(counted[2]) or 0
  if not listed() then
    redis.call("UNLINK", values, deadlines, usage, writes)
    bytes, written, expired = 0, 0, {}
  end
  for _, key in ipairs(expired) do
    drop(key)
  end
  if #expired > 0 then
    account()
  end
  more = #expired == STEP
  return nil
end

-- Before a key is looked at: its value leaves when its deadline has passed, however many others are waiting to.
local function refresh(key)
  local deadline = redis.call("ZSCORE", deadlines, key)
  if deadline and tonumber(deadline) <= now then
    drop(key)
    account()
  end
end

-- The value of a key, or nil.
local function find(key)
  refresh(key)
  local stored = redis.call("HGET", values, key)
  return stored and {
    version  = tonumber(string.sub(stored, 1, 16)),
    deadline = tonumber(string.sub(stored, 18, 30)),
    items    = tonumber(string.sub(stored, 32, 41)),
    json     = string.sub(stored, HEADER + 1),
  }
end

-- "": the one before stays; "0": none; else that many milliseconds from now.
local function deadlineAfter(lifetime, before)
  if lifetime == "" then
    return before
  end
  return lifetime == "0" and 0 or now + lifetime
end

-- The reply to a write that the limits do not allow. What adds nothing is never refused for what is there already.
local function exceeded(count, addedBytes, addedKeys, largest)
  local held = redis.call("HLEN", values)
  if limits.valueBytes > 0 and largest > limits.valueBytes then
    return { "quota", "valueBytes", largest, limits.valueBytes, 0 }
  elseif limits.writesPerDay > 0 and written + count > limits.writesPerDay then
    return { "quota", "writesPerDay", written, limits.writesPerDay, (today + 1) * DAY - now }
  elseif limits.keys > 0 and addedKeys > 0 and held + addedKeys > limits.keys then
    return more and { "more" } or { "quota", "keys", held, limits.keys, 0 }
  elseif limits.storageBytes > 0 and addedBytes > 0 and bytes + addedBytes > limits.storageBytes then
    return more and { "more" } or { "quota", "storageBytes", bytes, limits.storageBytes, 0 }
  end
  return nil
end

-- How many bytes and keys a value would add. Its key has been refreshed.
local function growth(key, json)
  local length = redis.call("HSTRLEN", values, key)
  if length == 0 then
    return #key + #json, 1
  end
  return #json - (length - HEADER), 0
end

local function put(key, json, items, deadline)
  bytes = bytes + growth(key, json)
  redis.call("HSET", values, key, string.format("%016.0f %013.0f %010.0f ", version, deadline, items) .. json)
  if deadline > 0 then
    redis.call("ZADD", deadlines, whole(deadline), key)
  else
    redis.call("ZREM", deadlines, key)
  end
end
${finishLua}`;
