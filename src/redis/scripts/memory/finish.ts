/** What follows the effect of a write; part of the fragments: until when a namespace is there, and who knows of it. */
export const finishLua = /* lua */ `
-- Until when the namespace is there: its ttl, or the last of its deadlines when every value has one; math.huge for ever.
local function ending()
  local held = redis.call("HLEN", values)
  if held == 0 then
    return 0
  end
  local at = ttl > 0 and now + ttl or math.huge
  if redis.call("ZCARD", deadlines) == held then
    at = math.min(at, tonumber(redis.call("ZRANGE", deadlines, -1, -1, "WITHSCORES")[2]))
  end
  return at
end

local function expireAt(key, at)
  if at == math.huge then
    redis.call("PERSIST", key)
  else
    redis.call("PEXPIREAT", key, whole(at))
  end
end

-- The index has a namespace for as long as any key of it is there, and outlives its longest member.
local function list(at)
  local longest = math.max(at, redis.call("PEXPIRETIME", writes))
  if longest > now then
    redis.call("ZADD", memories, longest == math.huge and "+inf" or whole(longest), member)
  else
    redis.call("ZREM", memories, member)
  end
  redis.call("ZREMRANGEBYSCORE", memories, "-inf", whole(now))
  local last = redis.call("ZRANGE", memories, -1, -1, "WITHSCORES")[2]
  if last then
    expireAt(memories, last == "inf" and math.huge or tonumber(last))
  end
end

-- After the effect of a write that counts so many times.
local function finish(count)
  account()
  local at = ending()
  if at > 0 then
    for _, key in ipairs({ values, deadlines, usage }) do
      expireAt(key, at)
    end
  end
  if count > 0 then
    -- Says which day it is: a key that expires at midnight could still be seen by a script that runs across it.
    redis.call("HSET", writes, "day", whole(today), "count", whole(written + count))
    redis.call("PEXPIREAT", writes, whole((today + 2) * DAY))
  end
  if record then
    list(at)
    touch(record, index)
  end
end
`;
