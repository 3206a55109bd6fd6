import { KEY_SLACK_MILLISECONDS } from "../../sealing.js";
import { fragment } from "../../script/fragment.js";
import { keepKey } from "./data-key.js";
import { state, touch } from "./session.js";
import { expireAt, microseconds, now, whole } from "./time.js";

// Lua of agent memory. The table `space` is a namespace: its keys `values`, `deadlines`, `usage` and `writes`, the
// values of the session (`record`, `index`, `memories`, `member`; absent for a namespace that belongs to no session),
// the data key of its values (`dataKey`, `seal`), and, after `enter`, its accounting: `bytes`, `version`, `written`,
// `sealed` if values may be sealed, and `more` if expired values may be left.
//
// A stored value is its JSON text, or sealed: "~", the number of bytes of the text, and the envelope of
// src/encryption/envelope.ts. The accounting counts the bytes of the text.
//
// The accounting counts stored values, so it is only exact once expired values have been removed. Each script removes
// up to STEP of them, and those whose keys it writes. Counting too much never admits a write that should be refused, so
// only a refusal needs an exact count. If expired values may be left, the script replies "more" instead and does
// nothing else, and the caller asks again until none are left.

/**
 * The header of a value, in front of its JSON text: version, deadline and number of items, with fixed widths. So the
 * length of a stored value gives the length of its text.
 */
export const HEADER_BYTES = 42;

export const header = fragment(/* lua */ `local HEADER = ${HEADER_BYTES}`);

/** The character that begins a sealed value. It begins no JSON text. */
export const SEALED_MARK = "~";
/** The number of digits of the text's size, behind the mark. */
export const SIZE_DIGITS = 10;

/** Returns whether a sealed value begins at a place of a text. */
const isSealed = fragment(/* lua */ `
local function isSealed(text, at)
  return string.byte(text, at) == ${SEALED_MARK.charCodeAt(0)}
end`);

/** Returns the size in bytes of the JSON text of a value that begins at a place. */
export const sizeOf = fragment(
  /* lua */ `
local function sizeOf(text, at)
  local size = isSealed(text, at) and tonumber(string.sub(text, at + 1, at + ${SIZE_DIGITS}))
  return size or #text - at + 1
end`,
  isSealed,
);

/** Returns the size in bytes of the stored value of a key; nil if there is none. */
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
 * Returns the reply for a session that may not use the memory; otherwise nil. So an agent in flight cannot bring back
 * values that were erased with its session, nor reach the memory of another agent with an altered session.
 */
export const refused = fragment(
  /* lua */ `
local function refused(record, index, sessionId, agentId)
  if not record then
    return nil
  end
  local found, session = state(record, index, sessionId)
  if found == "live" and session[5] ~= agentId then
    found = "mismatch"
  end
  return found ~= "live" and { found } or nil
end`,
  state,
);

/**
 * Returns whether a namespace exists. The owner's index decides: a namespace that is not in it was erased, even if
 * parts of it still have to be removed. A namespace that belongs to no session always exists.
 */
export const listed = fragment(/* lua */ `
local function listed(memories, member)
  return not memories or redis.call("ZSCORE", memories, member)
end`);

/**
 * Returns a stored text, unless its deadline has passed. Then the value does not exist, whether or not it was removed.
 * The deadline "0000000000000" means none. Leaves a text without a header to the reader.
 */
export const alive = fragment(
  /* lua */ `
local function alive(stored)
  local deadline = stored and tonumber(string.sub(stored, 18, 30)) or 0
  return (deadline == 0 or deadline > now) and stored
end`,
  now,
);

/** Writes the accounting. Call it after a change of the values, and before a step that may return. */
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

/** Removes a value, if it exists. */
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
 * Reads the accounting, and removes up to STEP expired values. Reads every key before the first write, so a key of
 * another type stops the script here.
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
  -- Take versions from the clock instead of counting from 1. If a clear, an expiry or an erasure removes the last
  -- version, an old version then never comes back, and a writer that still expects one is refused.
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

/** Removes the value of a key if its deadline has passed, however many others wait to be removed. */
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

/** Returns the value of a key; nil if there is none. */
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

/**
 * Returns the deadline of a value. `lifetime` "" keeps the previous deadline, "0" means none, and another number is
 * milliseconds from now.
 */
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
 * Returns the reply for a write that the limits do not allow; otherwise nil. A write that adds nothing is never refused
 * because of values that are already stored.
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

/** Returns the bytes and keys that a value would add. Call `refresh` for its key first. */
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
 * Returns the time until which a namespace exists: the end of its ttl (0 for none), or the last of its deadlines if
 * every value has one, whichever is earlier; math.huge for ever.
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

/**
 * Lists a namespace in its owner's index for as long as any of its keys exists. The index outlives its longest member.
 */
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
 * Keeps the data key as long as the namespace, whose life a write may prolong. The key of an empty namespace that
 * belongs to no session expires soon. It does not expire at once, because repeated operations are recognised by it.
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

/**
 * Concludes a write: updates accounting, expiry, index, and the session's timeout. `count` is the number of writes it
 * counts as.
 */
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
    -- Store the day: a script that runs across midnight could still see a key that expires at midnight.
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
