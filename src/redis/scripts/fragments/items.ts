import { fragment } from "../../script/fragment.js";
import { state, touch } from "./session.js";
import { expireAt, microseconds, now, whole } from "./time.js";

// Lua of LangGraph items. The table `space` is a partition: its keys `items`, `order`, `namespaces` and `deadlines`,
// and the values of the session (`record`, `sessions`, `partitions`, `member`; absent for a store that belongs to no
// session).
//
// A field of `items` is `<namespace>\0\0<key>`, in which `\0` joins the labels of the namespace. A label is not empty
// and contains no `\0`, so the first `\0\0` ends the namespace, and a field that begins with `<labels>\0` is below
// these labels.
//
// An item whose deadline has passed does not exist, whether or not it was removed. Each script that writes removes up
// to STEP such items.

/**
 * The header of an item, in front of its JSON text: created, updated and deadline, with 16, 16 and 13 digits. The JSON
 * text may be sealed or compressed.
 */
export const ITEM_HEADER_BYTES = 48;

/** The largest number of expired items that one script removes. */
const step = fragment(/* lua */ `local STEP = 100`);

/** Returns the reply for a session that is not live; otherwise nil. */
export const notLive = fragment(
  /* lua */ `
local function notLive(record, sessions, sessionId)
  local found = record and state(record, sessions, sessionId) or "live"
  return found ~= "live" and { found } or nil
end`,
  state,
);

/**
 * Returns whether a partition exists. The owner's index decides: a partition that is not in it was erased, even if
 * parts of it still have to be removed. A partition that belongs to no session always exists.
 */
export const listed = fragment(/* lua */ `
local function listed(partitions, member)
  return not partitions or redis.call("ZSCORE", partitions, member)
end`);

/** Returns a stored item, unless its deadline has passed. Leaves a text without a header to the reader. */
export const alive = fragment(
  /* lua */ `
local function alive(stored)
  local deadline = stored and tonumber(string.sub(stored, 35, 47)) or 0
  return (deadline == 0 or deadline > now) and stored
end`,
  now,
);

/** Removes an item, if it exists. */
export const drop = fragment(/* lua */ `
local function drop(space, field)
  if redis.call("HDEL", space.items, field) == 1 then
    local namespace = string.sub(field, 1, string.find(field, "\\0\\0", 1, true) - 1)
    if redis.call("HINCRBY", space.namespaces, namespace, -1) <= 0 then
      redis.call("HDEL", space.namespaces, namespace)
    end
  end
  redis.call("ZREM", space.order, field)
  redis.call("ZREM", space.deadlines, field)
end`);

/**
 * Removes up to STEP expired items, and the remains of an erased partition. Reads every key before the first write, so
 * a key of another type stops the script here. Returns the number of removed items, and whether more may be left.
 */
export const enter = fragment(
  /* lua */ `
local function enter(space)
  redis.call("HLEN", space.items)
  redis.call("HLEN", space.namespaces)
  local newest = redis.call("ZRANGE", space.order, -1, -1, "WITHSCORES")
  local expired = redis.call("ZRANGE", space.deadlines, "-inf", whole(now), "BYSCORE", "LIMIT", 0, STEP)
  if not listed(space.partitions, space.member) then
    redis.call("UNLINK", space.items, space.order, space.namespaces, space.deadlines)
    newest, expired = {}, {}
  end
  -- Give each item a time of its own, so that a search can go on where its last page ended.
  space.clock = math.max(microseconds, (tonumber(newest[2]) or 0) + 1)
  for _, field in ipairs(expired) do
    drop(space, field)
  end
  return #expired, #expired == STEP
end`,
  whole,
  now,
  microseconds,
  step,
  listed,
  drop,
);

/** Stores an item. \`deadline\` 0 means none. An item that replaces another keeps the other's time of creation. */
export const put = fragment(
  /* lua */ `
local function put(space, field, json, deadline)
  local before  = redis.call("HGET", space.items, field)
  local created = alive(before) and tonumber(string.sub(before, 1, 16)) or space.clock
  local header  = string.format("%016.0f %016.0f %013.0f ", created, space.clock, deadline)
  redis.call("HSET", space.items, field, header .. json)
  redis.call("ZADD", space.order, whole(space.clock), field)
  if deadline > 0 then
    redis.call("ZADD", space.deadlines, whole(deadline), field)
  else
    redis.call("ZREM", space.deadlines, field)
  end
  if not before then
    redis.call("HINCRBY", space.namespaces, string.sub(field, 1, string.find(field, "\\0\\0", 1, true) - 1), 1)
  end
  space.clock = space.clock + 1
end`,
  alive,
  whole,
);

/** Lists a partition in its owner's index for as long as it exists. The index outlives its longest member. */
const list = fragment(
  /* lua */ `
local function list(space, at)
  if at > now then
    redis.call("ZADD", space.partitions, at == math.huge and "+inf" or whole(at), space.member)
  else
    redis.call("ZREM", space.partitions, space.member)
  end
  redis.call("ZREMRANGEBYSCORE", space.partitions, "-inf", whole(now))
  local last = redis.call("ZRANGE", space.partitions, -1, -1, "WITHSCORES")[2]
  if last then
    expireAt(space.partitions, last == "inf" and math.huge or tonumber(last))
  end
end`,
  now,
  whole,
  expireAt,
);

/**
 * Updates the expiry after a change of items: the keys of a partition expire together, with the last item that has a
 * deadline.
 */
export const settle = fragment(
  /* lua */ `
local function settle(space)
  local held = redis.call("HLEN", space.items)
  local at = held > 0 and math.huge or 0
  if held > 0 and redis.call("ZCARD", space.deadlines) == held then
    at = tonumber(redis.call("ZRANGE", space.deadlines, -1, -1, "WITHSCORES")[2])
  end
  if held > 0 then
    for _, key in ipairs({ space.items, space.order, space.namespaces, space.deadlines }) do
      expireAt(key, at)
    end
  end
  if space.partitions then
    list(space, at)
  end
end`,
  expireAt,
  list,
);

/** Renews the session on whose behalf items were written, if there is one. */
export const renewSession = fragment(
  /* lua */ `
local function renewSession(space)
  if space.record then
    touch(space.record, space.sessions)
  end
end`,
  touch,
);
