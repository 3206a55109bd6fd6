import { fragment } from "../../script/fragment.js";
import { push } from "./messages.js";
import { beginEra, cut } from "./positions.js";
import { touch } from "./session.js";
import { microseconds, now, outlive, whole } from "./time.js";

// What a script does that appends messages to the conversation of a session. It asks first, and writes then: in a slot that
// is moving, a key that is gone stops it before its first write.

/** Returns when a conversation that is written to now was active last, and which other conversations have expired. */
export const dueOf = fragment(
  /* lua */ `
local function dueOf(conversations, conversationId, ttl)
  -- At least one more than the latest: milliseconds tie, and pages are cut by this.
  local latest = redis.call("ZRANGE", conversations, -1, -1, "WITHSCORES")
  local due = { activeAt = math.max(now, tonumber(latest[2]) or 0), expired = {} }
  if latest[1] ~= conversationId then
    due.activeAt = math.max(now, (tonumber(latest[2]) or 0) + 1)
  end
  -- Some of those that should have expired, so that the index does not grow with what nobody lists.
  local base, limit = string.sub(conversations, 1, -#"conversations" - 1), "(" .. whole(now - ttl)
  for _, id in ipairs(redis.call("ZRANGE", conversations, "-inf", limit, "BYSCORE", "LIMIT", 0, 10)) do
    -- In a slot that is moving here, what is still elsewhere looks like nothing. A command with two keys stops the script.
    redis.call("EXISTS", conversations, base .. "messages:" .. id)
    if redis.call("LLEN", base .. "messages:" .. id) == 0 then
      due.expired[#due.expired + 1] = id
    end
  end
  return due
end`,
  now,
  whole,
);

/** Renews the deadlines of a conversation, and lists it. */
export const keepConversation = fragment(
  /* lua */ `
local function keepConversation(held, conversationId, agentId, due, ttl)
  for _, id in ipairs(due.expired) do
    redis.call("ZREM", held.conversations, id)
  end
  redis.call("HSETNX", held.conversation, "createdAt", whole(now))
  redis.call("HSET", held.conversation, "agentId", agentId, "activeAt", whole(due.activeAt))
  redis.call("PEXPIRE", held.conversation, whole(ttl))
  redis.call("PEXPIRE", held.messages, whole(ttl))
  redis.call("ZADD", held.conversations, whole(due.activeAt), conversationId)
  outlive(held.conversations, now + ttl)
end`,
  now,
  whole,
  outlive,
);

/**
 * Appends messages in place of those from the index `cutAt` on. `begins`: no position from before names anything. `lineage`:
 * the argument of a script.
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

/** Counts, in the record of a session, what it said, and renews its idle timeout. */
export const countSaid = fragment(
  /* lua */ `
local function countSaid(record, index, messages, toolCalls)
  redis.call("HINCRBY", record, "messageCount", messages)
  redis.call("HINCRBY", record, "toolCallCount", toolCalls)
  touch(record, index)
end`,
  touch,
);
