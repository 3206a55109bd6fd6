import { fragment } from "../../script/fragment.js";
import { push } from "./messages.js";
import { beginEra, cut } from "./positions.js";
import { touch } from "./session.js";
import { microseconds, now, outlive, whole } from "./time.js";
import { untitle } from "./untitle.js";

// The steps of a script that appends messages to the conversation of a session. The script reads everything before it
// writes: in a moving slot, a missing key then stops it before its first write.

/** Returns the activity time of a conversation that is written now, and other conversations that have expired. */
export const dueOf = fragment(
  /* lua */ `
local function dueOf(conversations, conversationId, ttl)
  -- Make the time larger than the latest: pages are cut by it, and milliseconds may tie.
  local latest = redis.call("ZRANGE", conversations, -1, -1, "WITHSCORES")
  local due = { activeAt = math.max(now, tonumber(latest[2]) or 0), expired = {} }
  if latest[1] ~= conversationId then
    due.activeAt = math.max(now, (tonumber(latest[2]) or 0) + 1)
  end
  -- Look at some entries that should have expired, so that the index does not grow if nobody lists it.
  local base, limit = string.sub(conversations, 1, -#"conversations" - 1), "(" .. whole(now - ttl)
  due.base = base
  for _, id in ipairs(redis.call("ZRANGE", conversations, "-inf", limit, "BYSCORE", "LIMIT", 0, 10)) do
    -- In a slot that is moving here, a key that is still elsewhere looks missing. A command with several keys then stops
    -- the script.
    redis.call("EXISTS", conversations, base .. "threads", base .. "conversation:" .. id, base .. "messages:" .. id)
    if redis.call("LLEN", base .. "messages:" .. id) == 0 then
      due.expired[#due.expired + 1] = id
    end
  end
  return due
end`,
  now,
  whole,
);

/** Renews the deadlines of a conversation, and lists it in the index. `held.createdAt` is that of its record, if any. */
export const keepConversation = fragment(
  /* lua */ `
local function keepConversation(held, conversationId, agentId, due, ttl)
  for _, id in ipairs(due.expired) do
    redis.call("ZREM", held.conversations, id)
    untitle(held.conversations, due.base .. "threads", due.base .. "conversation:" .. id, id)
  end
  local createdAt = held.createdAt or whole(now)
  redis.call("HSET", held.conversation, "agentId", agentId, "activeAt", whole(due.activeAt), "createdAt", createdAt)
  redis.call("PEXPIRE", held.conversation, whole(ttl))
  redis.call("PEXPIRE", held.messages, whole(ttl))
  redis.call("ZADD", held.conversations, whole(due.activeAt), conversationId)
  outlive(held.conversations, now + ttl)
end`,
  untitle,
  now,
  whole,
  outlive,
);

/**
 * Appends messages in place of those from the index `cutAt` on. `begins` makes earlier positions invalid. `lineage` is
 * the argument of the script.
 */
export const extend = fragment(
  /* lua */ `
local function extend(held, here, cutAt, begins, encoded, cap, lineage)
  if begins then
    beginEra(held.conversation, here, 0)
  end
  if begins or lineage ~= "" then
    local name = string.sub(redis.sha1hex(held.conversation .. whole(microseconds)), 1, 24)
    redis.call("HSETNX", held.conversation, "lineage", string.match(lineage, "^%S+") or name)
  end
  if cutAt and cutAt < here.length and here.length > 0 then
    cut(held.conversation, held.messages, here, cutAt)
  end
  local trimmed = push(held.messages, encoded, cap)
  if trimmed > 0 then
    redis.call("HINCRBY", held.conversation, "first", whole(trimmed))
  end
end`,
  beginEra,
  cut,
  push,
  microseconds,
  whole,
);

/** Adds to the counts of a session's messages and tool calls, and renews its idle timeout. */
export const countSaid = fragment(
  /* lua */ `
local function countSaid(record, index, session, messages, toolCalls)
  redis.call("HINCRBY", record, "messageCount", messages)
  if toolCalls > 0 then
    redis.call("HINCRBY", record, "toolCallCount", toolCalls)
  end
  touch(record, index, session)
end`,
  touch,
);
