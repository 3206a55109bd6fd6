import { outcome, text as textReply } from "../../replies.js";
import { flag, number, oneOf, text, texts } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { answerKeys, endAnswer, tellFollowers } from "../fragments/answer.js";
import { keepKey, staleKey } from "../fragments/data-key.js";
import { heldKeys, holdLease, lostLease, releaseLease } from "../fragments/lease.js";
import { callInParts } from "../fragments/long-lists.js";
import { state, touch } from "../fragments/session.js";
import { stopKey, stopReason } from "../fragments/supersede.js";
import { now, whole } from "../fragments/time.js";
import { sessionKeys } from "../session/record.js";

/** The ends of an answer that a producer may write if its turn has written none. */
export const CLOSING_ENDS = ["interrupted", "failed", "waiting", "stopped", "superseded"] as const;

/** A batch renews nothing within this time after another one did, or within a tenth of what is renewed. */
const RENEWED_MILLISECONDS = 1_000;

/** The most bytes of events that are published with the message to followers. */
const PUBLISHED_BYTES = 4_096;

export const logAnswerScript = defineScript({
  name: "answer.log",
  about:
    "adds events to an answer, each once, and renews its lease and the session's idle timeout. Replies whether the answer has to stop. The last call of a producer closes the log, and ends an answer that has no end yet.",
  unrecorded: true,
  keys: { ...sessionKeys, ...heldKeys, ...answerKeys, ...stopKey },
  arguments: {
    sessionId: text("the id of the session"),
    token: text("the token of the lease under which the answer runs"),
    duration: number("the duration of the lease in milliseconds"),
    channel: text("the Pub/Sub channel of the conversation's answers"),
    from: number("the number of events that were added before these"),
    closes: flag("whether no more events will come"),
    ending: oneOf(["", ...CLOSING_ENDS], "the end of the answer, if this call closes it and it has none yet"),
    encoded: texts("the events, JSON"),
  },
  effects: { ok: nothing, stop: (reason: unknown) => ({ reason: outcome(reason, ["stop", "superseded"]) }) },
  answers: {
    /** The answer belongs to another producer, or is gone. */
    lost: nothing,
    /** The answer ended without this producer. */
    ended: (end: unknown, session: unknown) => ({ end: textReply(end), session: textReply(session) }),
  },
  seals: true,
  uses: [
    staleKey,
    keepKey,
    state,
    touch,
    lostLease,
    holdLease,
    releaseLease,
    endAnswer,
    stopReason,
    tellFollowers,
    callInParts,
    now,
    whole,
  ],
  lua: /* lua */ `
-- Returns what the message to followers says of events that are few, and not sealed: they then need not read them.
local function publishable(run, first, entries)
  local text = seal == "" and #entries > 0 and table.concat(entries, "\\n")
  return text and #text <= ${PUBLISHED_BYTES} and " " .. run .. " " .. whole(first) .. "\\n" .. text or nil
end

local fields = redis.call("HMGET", answer, "token", "end", "open", "ttl", "followed", "renew", "run")
if fields[1] ~= token then
  -- The conversation was cut, so the turn can no longer be stored.
  releaseLease(lease, holder, token)
  return { "lost" }
end
local how, session = fields[2], nil
local holds = redis.call("GET", lease) == token
if not fields[3] then
  return { "ended", how or "", "" }
end
if not how then
  local found
  found, session = state(record, index, sessionId)
  if found ~= "live" then
    endAnswer(answer, events, token, "interrupted", "", channel)
    redis.call("HDEL", answer, "open")
    releaseLease(lease, holder, token)
    return { "ended", "interrupted", found }
  elseif not holds and lostLease(lease, holder, token) then
    -- Another turn, which is not an answer, took the conversation.
    endAnswer(answer, events, token, "interrupted", "", channel)
    redis.call("HDEL", answer, "open")
    return { "ended", "interrupted", "" }
  end
end

local stale = staleKey(dataKey, seal)
if stale then
  return stale
end
local present = redis.call("LLEN", events) - 1
local fitting = {}
-- Do not create a removed list again. Events have numbers: skip those that a resend repeats, and mark a gap.
if present >= 0 and present < from + #encoded then
  keepKey(dataKey, seal)
  for _ = present + 1, from do
    fitting[#fitting + 1] = "missed"
  end
  for i = math.max(1, present - from + 1), #encoded do
    fitting[#fitting + 1] = encoded[i]
  end
  callInParts("RPUSH", events, fitting)
end
-- A turn that has to stop gets no more time.
local reason = not how and stopReason(stop, token)
-- To renew is half of what a batch costs Redis, so leave it out if a batch has just done it.
local renewed = holds and not how and not reason and not closes and now < (tonumber(fields[6]) or 0)
if not renewed then
  local left = tonumber(fields[4]) + duration
  if not how and not reason then
    holdLease(lease, holder, token, whole(duration))
    touch(record, index, session)
  end
  redis.call("PEXPIRE", events, whole(left))
  if how and redis.call("PTTL", answer) < left then
    redis.call("PEXPIRE", answer, whole(left))
  end
end
if closes then
  if not how then
    -- A producer that broke off before it heard of a stop counts as stopped, because the caller was told so.
    local told = ending == "interrupted" and reason
    endAnswer(answer, events, token, told and (told == "stop" and "stopped" or told) or ending, "", channel)
    if ending ~= "failed" then
      releaseLease(lease, holder, token)
    elseif redis.call("GET", lease) == token then
      -- The caller may still store the turn, as long as no other turn takes the conversation.
      redis.call("DEL", lease)
    end
  end
  redis.call("HDEL", answer, "open")
elseif not renewed then
  local idle = tonumber(redis.call("HGET", record, "idle")) or 0
  local renew = now + math.min(${RENEWED_MILLISECONDS}, duration / 10, idle / 10)
  redis.call("HSET", answer, "open", whole(now + duration), "renew", whole(renew))
end
if closes or #fitting > 0 then
  local added = fields[5] and publishable(fields[7], present + 1, fitting)
  tellFollowers(answer, channel, fields[5], added)
end
if reason then
  return { "stop", reason }
end
return { "ok" }
`,
});
