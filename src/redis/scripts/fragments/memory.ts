import { KEY_SLACK_MILLISECONDS } from "../../sealing.js";
import { fragment } from "../../script/fragment.js";
import { keepKey } from "./data-key.js";
import { state, touch } from "./session.js";
import { expireAt, microseconds, now, whole } from "./time.js";

// Lua of agent memory. A table `space` stands for a namespace: its keys `values`, `deadlines`, `usage` and `writes`, what
// session asks (`record`, `index`, `memories`, `member`; absent for a namespace on its own), what its values are sealed with
// (`dataKey`, `seal`), and, once `enter` ran, its accounting: `bytes`, `version`, `written`, `sealed` when values may be
// sealed, and `more` when expired values may be left.
//
// A value is its JSON text, or sealed: "~", the bytes that its text has, and the envelope of src/encryption/envelope.ts. The
// accounting counts the bytes of the text.
//
// The accounting counts what is stored, so expired values have to leave it before it is believed. Each script removes up
// to STEP of them, and itself the ones whose keys it writes. Counting too much never lets a write in that should be
// refused. So only a refusal needs certainty: where expired values may be left, the reply is "more" instead, nothing is
// done, and the caller asks again, until none are left.

/** Version, deadline and number of items stand before the JSON text with fixed widths: its length tells that of the text. */
export const HEADER_BYTES = 42;

export const header = fragment(/* lua */ `local HEADER = ${HEADER_BYTES}`);

/** What a sealed value begins with. No JSON text does. */
export const SEALED_MARK = "~";
/** Digits of the bytes that its text has. */
export const SIZE_DIGITS = 10;

/** Returns whether there is a sealed value at a place of a text. */
const isSealed = fragment(/* lua */ `
local function isSealed(text, at)
  return string.byte(text, at) == ${SEALED_MARK.charCodeAt(0)}
end`);

/** Returns how many bytes the JSON text of a value has, which begins at a place. */
export const sizeOf = fragment(
  /* lua */ `
local function sizeOf(text, at)
  local size = isSealed(text, at) and tonumber(string.sub(text, at + 1, at + ${SIZE_DIGITS}))
  return size or #text - at + 1
end`,
  isSealed,
);

/** Returns how many bytes the stored value of a key has, or nil when there is none. */
const heldBytes = fragment(
  /* lua */ `
local function heldBytes(space, key)
  if space.sealed then
    local stored = redis.call("HGET", space.values, key)
    return stored and sizeOf(stored, HEADER + 1) or nil
  end
  local length = redis.call("HSTRLEN", space.values, key)
  return length > 0 and length - HEADER or nil
end`,
  header,
  sizeOf,
);
const day = fragment(/* lua */ `local DAY = 86400000`);
const today = fragment(/* lua */ `local today = math.floor(now / DAY)`, now, day);

/**
 * Returns the reply to a session that may not enter, or nil. An agent in flight cannot bring back what was erased with its
 * session, nor reach the memory of another agent with a session that was changed on its way.
 */
export const refused = fragment(
  /* lua */ `
local function refused(record, index, sessionId, agentId)
  if not record then
    return nil
  end
  local found = state(record, index, sessionId)
  if found == "live" and redis.call("HGET", record, "agentId") ~= agentId then
    found = "mismatch"
  end
  return found ~= "live" and { found } or nil
end`,
  state,
);

/**
 * Returns whether a namespace is there. The owner's index is the authority: a namespace that is not in it was erased,
 * whatever of it is still to be removed. A namespace on its own always is there.
 */
export const listed = fragment(/* lua */ `
local function listed(memories, member)
  return not memories or redis.call("ZSCORE", memories, member)
end`);

/**
 * Returns a stored text, unless its deadline has passed: then there is no value, whether or not it was removed. The
 * deadline "0000000000000" is none. A text without a header is left to the reader.
 */
export const alive = fragment(
  /* lua */ `
local function alive(stored)
  local deadline = stored and tonumber(string.sub(stored, 18, 30)) or 0
  return (deadline == 0 or deadline > now) and stored
end`,
  now,
);

/** Writes the accounting: after what changed the values, before what may return. */
const account = fragment(
  /* lua */ `
local function account(space)
  if redis.call("HLEN", space.values) == 0 then
    redis.call("DEL", space.usage)
  else
    redis.call("HSET", space.usage, "bytes", whole(space.bytes), "version", whole(space.version))
    if space.sealed then
      redis.call("HSET", space.usage, "sealed", "1")
    end
  end
end`,
  whole,
);

/** Removes a value, if it is there. */
export const drop = fragment(
  /* lua */ `
local function drop(space, key)
  local held = heldBytes(space, key)
  if held then
    space.bytes = space.bytes - #key - held
    redis.call("HDEL", space.values, key)
  end
  redis.call("ZREM", space.deadlines, key)
end`,
  heldBytes,
);

/**
 * Makes the accounting ready, and removes expired values, up to STEP of them. Every key is read before the first write: a
 * key of another type stops the script here.
 */
export const enter = fragment(
  /* lua */ `
local STEP = 100
local function enter(space)
  local used    = redis.call("HMGET", space.usage, "bytes", "version", "sealed")
  local counted = redis.call("HMGET", space.writes, "day", "count")
  local expired = redis.call("ZRANGE", space.deadlines, "-inf", whole(now), "BYSCORE", "LIMIT", 0, STEP)
  redis.call("HLEN", space.values)
  space.bytes   = tonumber(used[1]) or 0
  -- By the clock, and not from 1 on: what forgets the last version (a clear, an expiry, an erasure) then brings none of
  -- the old ones back, and a writer that still expects one is refused.
  space.version = math.max(microseconds, (tonumber(used[2]) or 0) + 1)
  space.written = tonumber(counted[1]) == today and tonumber(counted[2]) or 0
  space.sealed  = used[3] == "1"
  if not listed(space.memories, space.member) then
    redis.call("UNLINK", space.values, space.deadlines, space.usage, space.writes)
    space.bytes, space.written, space.sealed, expired = 0, 0, false, {}
  end
  for _, key in ipairs(expired) do
    drop(space, key)
  end
  if #expired > 0 then
    account(space)
  end
  space.more = #expired == STEP
end`,
  whole,
  now,
  microseconds,
  today,
  listed,
  drop,
  account,
);

/** Removes a value whose deadline has passed, however many others are waiting to be removed. */
export const refresh = fragment(
  /* lua */ `
local function refresh(space, key)
  local deadline = redis.call("ZSCORE", space.deadlines, key)
  if deadline and tonumber(deadline) <= now then
    drop(space, key)
    account(space)
  end
end`,
  now,
  drop,
  account,
);

/** Returns the value of a key, or nil. */
export const find = fragment(
  /* lua */ `
local function find(space, key)
  refresh(space, key)
  local stored = redis.call("HGET", space.values, key)
  return stored and {
    version  = tonumber(string.sub(stored, 1, 16)),
    deadline = tonumber(string.sub(stored, 18, 30)),
    items    = tonumber(string.sub(stored, 32, 41)),
    json     = string.sub(stored, HEADER + 1),
    sealed   = isSealed(stored, HEADER + 1),
  }
end`,
  refresh,
  header,
  isSealed,
);

/** Returns the deadline of a value: "" keeps the one before, "0" is none, else that many milliseconds from now. */
export const deadlineAfter = fragment(
  /* lua */ `
local function deadlineAfter(lifetime, before)
  if lifetime == "" then
    return before
  end
  return lifetime == "0" and 0 or now + lifetime
end`,
  now,
);

/**
 * Returns the reply to a write that the limits do not allow, or nil. What adds nothing is never refused for what is there
 * already.
 */
export const exceeded = fragment(
  /* lua */ `
local function exceeded(space, limits, count, addedBytes, addedKeys, largest)
  local held = redis.call("HLEN", space.values)
  if limits.valueBytes > 0 and largest > limits.valueBytes then
    return { "quota", "valueBytes", largest, limits.valueBytes, 0 }
  elseif limits.writesPerDay > 0 and space.written + count > limits.writesPerDay then
    return { "quota", "writesPerDay", space.written, limits.writesPerDay, (today + 1) * DAY - now }
  elseif limits.keys > 0 and addedKeys > 0 and held + addedKeys > limits.keys then
    return space.more and { "more" } or { "quota", "keys", held, limits.keys, 0 }
  elseif limits.storageBytes > 0 and addedBytes > 0 and space.bytes + addedBytes > limits.storageBytes then
    return space.more and { "more" } or { "quota", "storageBytes", space.bytes, limits.storageBytes, 0 }
  end
  return nil
end`,
  today,
  day,
  now,
);

/** Returns how many bytes and keys a value would add. Its key has been refreshed. */
export const growth = fragment(
  /* lua */ `
local function growth(space, key, value)
  local held, size = heldBytes(space, key), sizeOf(value, 1)
  if not held then
    return #key + size, 1
  end
  return size - held, 0
end`,
  heldBytes,
  sizeOf,
);

/** Stores a value. */
export const put = fragment(
  /* lua */ `
local function put(space, key, value, items, deadline)
  space.bytes = space.bytes + growth(space, key, value)
  space.sealed = space.sealed or isSealed(value, 1)
  local stored = string.format("%016.0f %013.0f %010.0f ", space.version, deadline, items) .. value
  redis.call("HSET", space.values, key, stored)
  if deadline > 0 then
    redis.call("ZADD", space.deadlines, whole(deadline), key)
  else
    redis.call("ZREM", space.deadlines, key)
  end
end`,
  growth,
  isSealed,
  whole,
);

/**
 * Returns until when a namespace is there: its ttl (0 for none), or the last of its deadlines when every value has one;
 * math.huge for ever.
 */
const ending = fragment(
  /* lua */ `
local function ending(space, ttl)
  local held = redis.call("HLEN", space.values)
  if held == 0 then
    return 0
  end
  local at = ttl > 0 and now + ttl or math.huge
  if redis.call("ZCARD", space.deadlines) == held then
    at = math.min(at, tonumber(redis.call("ZRANGE", space.deadlines, -1, -1, "WITHSCORES")[2]))
  end
  return at
end`,
  now,
);

/** Lists a namespace in its owner's index for as long as any key of it is there. The index outlives its longest member. */
const list = fragment(
  /* lua */ `
local function list(space, at)
  local longest = math.max(at, redis.call("PEXPIRETIME", space.writes))
  if longest > now then
    redis.call("ZADD", space.memories, longest == math.huge and "+inf" or whole(longest), space.member)
  else
    redis.call("ZREM", space.memories, space.member)
  end
  redis.call("ZREMRANGEBYSCORE", space.memories, "-inf", whole(now))
  local last = redis.call("ZRANGE", space.memories, -1, -1, "WITHSCORES")[2]
  if last then
    expireAt(space.memories, last == "inf" and math.huge or tonumber(last))
  end
end`,
  now,
  whole,
  expireAt,
);

/**
 * Keeps the data key as long as the namespace, which any write may let live longer. The key of a namespace on its own that is
 * empty goes soon: not at once, because a repeated operation is told apart by it.
 */
const keepKeyUntil = fragment(
  /* lua */ `
local KEY_SLACK = ${KEY_SLACK_MILLISECONDS}
local function keepKeyUntil(space, at)
  if not space.dataKey then
    return
  elseif at > 0 then
    keepKey(space.dataKey, space.seal, at == math.huge and "0" or whole(at - now + KEY_SLACK))
  elseif not space.record then
    redis.call("PEXPIRE", space.dataKey, whole(KEY_SLACK))
  end
end`,
  keepKey,
  now,
  whole,
);

/** Does what follows the effect of a write: accounting, expiry, index, and the session's timeout. `count` is how many writes it counts as. */
export const concludeWrite = fragment(
  /* lua */ `
local function concludeWrite(space, ttl, count)
  account(space)
  local at = ending(space, ttl)
  keepKeyUntil(space, at)
  if at > 0 then
    for _, key in ipairs({ space.values, space.deadlines, space.usage }) do
      expireAt(key, at)
    end
  end
  if count > 0 then
    -- Says which day it is: a key that expires at midnight could still be seen by a script that runs across it.
    redis.call("HSET", space.writes, "day", whole(today), "count", whole(space.written + count))
    redis.call("PEXPIREAT", space.writes, whole((today + 2) * DAY))
  end
  if space.record then
    list(space, at)
    touch(space.record, space.index)
  end
end`,
  account,
  ending,
  keepKeyUntil,
  expireAt,
  whole,
  today,
  day,
  list,
  touch,
);
