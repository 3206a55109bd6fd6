import { fragment } from "../../script/fragment.js";
import { releaseLease } from "./lease.js";
import { now, whole } from "./time.js";

// An answer in flight is a run of a turn that a request began with `answer.begin`. Its hash has these fields:
//
//   token      the token of the lease under which it runs
//   run        its public name, which the ids of its events begin with
//   operation  the operation id of its turn, and `attempt`, the run of the turn
//   asked      how many messages its question has, and `position`, where they begin
//   question   the question itself, as long as it is kept beside the conversation: "<bytes>:<entry>" for each of its messages.
//              `replaces` says what it is to replace, and `behind` what was behind the last message then
//   startedAt  when it began
//   ttl        how long its events can be followed after its end, in milliseconds
//   end        how it ended, and `endedAt`, the position of the last message then; absent while it runs
//   open       until when events may still be added, without a sign of life; absent once the log is closed
//   followed   until when somebody follows it, so that events are published
//   former     how the runs before it ended: "<run> <end> <position or ->;…"
//
// Its events are in a list. The first entry is empty, so that an event's number is its index, and no event can make anew a
// list that was removed.

/** The keys of a script that a producer writes with, or that looks at an answer. */
export const answerKeys = {
  answer: "hash: the latest answer of the conversation",
  events: "list: its events, behind an empty one",
} as const;

/** Returns the entries of a question that is kept beside its conversation. What this library did not write is one of them. */
export const keptQuestion = fragment(/* lua */ `
local function keptQuestion(kept)
  local entries, read = {}, 1
  while read <= #kept do
    local bytes = string.match(kept, "^(%d+):", read)
    local first = read + #(bytes or "") + 1
    local last = bytes and first + tonumber(bytes) - 1 or #kept
    entries[#entries + 1] = string.sub(kept, bytes and first or read, last)
    read = last + 1
  end
  return entries
end`);

/** Tells those who follow an answer, if somebody does, that there is something to read. */
export const tellFollowers = fragment(
  /* lua */ `
local function tellFollowers(answer, channel)
  local followed = redis.call("HGET", answer, "followed")
  if followed and now < tonumber(followed) then
    -- The message is a hint: an ACL without the channel must not stop the script half-way.
    redis.pcall("PUBLISH", channel, "events")
  end
end`,
  now,
);

/** How long what an answer left is kept beside its conversation: as long as that, when its question may be asked again. */
export const endAnswer = fragment(
  /* lua */ `
local LASTING = { interrupted = true, waiting = true, failed = true }
local function endAnswer(answer, events, token, how, position, channel)
  local fields = redis.call("HMGET", answer, "token", "end", "ttl", "open")
  if fields[1] ~= token or (fields[2] and fields[2] ~= "failed") then
    return
  end
  redis.call("HSET", answer, "end", how, "endedAt", position)
  local left = tonumber(fields[3]) + (fields[4] and math.max(0, tonumber(fields[4]) - now) or 0)
  if not LASTING[how] then
    redis.call("PEXPIRE", answer, whole(left))
  end
  redis.call("PEXPIRE", events, whole(left))
  tellFollowers(answer, channel)
end`,
  now,
  whole,
  tellFollowers,
);

/**
 * Settles an answer whose producer is dead: its lease lapsed. From then on the producer is refused, also when it comes back.
 */
export const settleDead = fragment(
  /* lua */ `
local function settleDead(answer, events, lease, holder, channel)
  local fields = redis.call("HMGET", answer, "token", "end")
  local token = fields[1]
  if token and not fields[2] and redis.call("GET", lease) ~= token then
    endAnswer(answer, events, token, "interrupted", "", channel)
    redis.call("HDEL", answer, "open")
    releaseLease(lease, holder, token)
  end
end`,
  endAnswer,
  releaseLease,
);

/** Removes the answer of a conversation whose past is cut. Who follows it is told that it is gone. */
export const dropAnswer = fragment(/* lua */ `
local function dropAnswer(answer, events, channel)
  if redis.call("UNLINK", answer, events) > 0 then
    redis.pcall("PUBLISH", channel, "events")
  end
end`);
