import { storedList, text as textReply } from "../../replies.js";
import { notLive } from "../../refusals.js";
import { number, oneOf, text, texts } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { earlierSealed, keepKey, staleKey } from "../fragments/data-key.js";
import { digestArgument, operationKey, remember } from "../fragments/operation.js";
import { canContinue, endSession, keptUntil, listedState, recordOf, state, unlist } from "../fragments/session.js";
import { AUTHENTICATED, mustAuthenticate, notBeforeKey } from "../fragments/sign-in.js";
import { microseconds, now, outlive, whole } from "../fragments/time.js";

export const createScript = defineScript({
  name: "session.create",
  about: "creates a session, and ends the oldest ones beyond the limit.",
  keys: {
    index: "sorted set: the owner's sessions, by start",
    record: "hash: the new session",
    ...operationKey,
    ...notBeforeKey,
  },
  optionalKeys: {
    conversation: "hash: the conversation that it continues",
    conversations: "sorted set: the owner's, by last activity",
    threads: "sorted set: conversations of the owner that have a thread",
  },
  arguments: {
    ...digestArgument,
    id: text("of the new session"),
    limit: number("how many live sessions the owner may have"),
    atLimit: oneOf(["end-oldest", "reject"], ""),
    // As text, like the attempt: the script stores it as it is, and to format a number takes Redis longer.
    idle: text("timeout in milliseconds"),
    lifetime: number("in milliseconds"),
    continues: text('id of the conversation, which has to exist already with this agent; "" for a new one'),
    agentId: text("the agent"),
    channel: text("on which endings are published"),
    secret: text("hash of the new session's secret"),
    attempt: text("when it was made, by the caller's clock in milliseconds"),
    authenticated: text(AUTHENTICATED),
    fields: texts("name, value, …"),
  },
  effects: {
    /** The time of the start; the record only if a repetition found a session that was created before. */
    created: (ended: unknown, startedAt: unknown, record: unknown = []) => {
      const ids = textReply(ended);
      return {
        ended: ids === "" ? [] : ids.split(" "),
        startedAt: textReply(startedAt),
        record: storedList(record),
      };
    },
  },
  counts: ({ ended }) => ({ evicted: ended.length }),
  seals: true,
  // What is not live is the session that a repetition finds.
  refusals: ["limit", "no-conversation", "conflict", "superseded", "authenticate", "rotated", ...notLive],
  uses: [
    staleKey,
    keepKey,
    earlierSealed,
    remember,
    mustAuthenticate,
    listedState,
    state,
    keptUntil,
    outlive,
    unlist,
    endSession,
    recordOf,
    canContinue,
    now,
    microseconds,
    whole,
  ],
  lua: /* lua */ `
if mustAuthenticate(notBefore, authenticated, "") then
  return { "authenticate" }
end
local before = earlierSealed(operation, digest, dataKey, seal)
if before and before[1] ~= "repeated" then
  return before
elseif before then
  -- The token of the attempt before never arrived: this one's takes its place, on the session that was made then. An
  -- attempt that was given up and runs late changes nothing, nor does one that the client sends again.
  local latest, first, endedThen = string.match(before[2], "^(%S+) (%S+) ?(.*)$")
  if tonumber(attempt) < tonumber(latest) then
    return { "superseded" }
  end
  local made = recordOf(index, first)
  local found = state(made, index, first)
  if found ~= "live" then
    return { found }
  end
  -- Rotated since: its token had arrived, and what replaces it must stay.
  if redis.call("HEXISTS", made, "rotated") == 1 then
    return { "rotated" }
  end
  remember(operation, digest, attempt .. " " .. first .. " " .. endedThen)
  -- The holder of the token before, if it did arrive, is told that it was replaced.
  local old = redis.call("HGET", made, "secret")
  if old ~= secret then
    redis.call("HSET", made, "secret", secret, "previousSecret", old, "replacedAt", whole(now))
  end
  return { "created", endedThen, "", redis.call("HGETALL", made) }
end
if conversation and not canContinue(conversations, threads, conversation, continues, agentId) then
  return { "no-conversation" }
end

-- Every record is read before the first write: in a slot that is moving, a key that is gone stops the script here.
local live, stale = {}, {}
local members = redis.call("ZRANGE", index, 0, -1, "WITHSCORES")
-- Expired sessions are looked for only if they count, or if the oldest one is one of them, so that they do not pile up.
-- The oldest one is looked at only if it is older than a session without activity becomes.
local startedAt = tonumber(members[2])
local expired = startedAt and startedAt + idle * 1000 <= microseconds
  and listedState(recordOf(index, members[1]), index) ~= "live"
for i = 1, (expired or #members / 2 >= limit) and #members or 0, 2 do
  local list = listedState(recordOf(index, members[i]), index) == "live" and live or stale
  list[#list + 1] = members[i]
end
for _, member in ipairs(stale) do
  unlist(recordOf(index, member), index, member)
end
if #live >= limit and atLimit == "reject" then
  return { "limit", limit }
end

local staleOne = staleKey(dataKey, seal)
if staleOne then
  return staleOne
end
local ended = {}
for i = 1, #live - limit + 1 do
  ended[i] = live[i]
end
local endedIds = table.concat(ended, " ")
remember(operation, digest, attempt .. " " .. id .. " " .. endedIds)
keepKey(dataKey, seal)
for _, member in ipairs(ended) do
  endSession(recordOf(index, member), index, member, "evicted", channel)
end
-- In one command: to be called is a good part of what a command costs a script.
local at = whole(now)
redis.call("HSET", record, "secret", secret, "startedAt", at, "activeAt", at, "idle", idle,
  "until", whole(now + lifetime), unpack(fields))
local latest = tonumber(members[#members]) or 0
redis.call("ZADD", index, whole(math.max(microseconds, latest + 1)), id)
local kept = keptUntil(idle, now + lifetime)
redis.call("PEXPIREAT", record, whole(kept))
if #members == 0 then
  redis.call("PEXPIREAT", index, whole(kept))
else
  outlive(index, kept)
end
return { "created", endedIds, at }
`,
});
