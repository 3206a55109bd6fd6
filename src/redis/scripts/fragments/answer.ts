import { fragment } from "../../script/fragment.js";
import { releaseLease } from "./lease.js";
import { now, whole } from "./time.js";

// An answer in flight is a run of a turn that a request began with `answer.begin`. Its hash has these fields:
//
//   token      the token of the lease under which it runs
//   run        its public name, with which the ids of its events begin
//   operation  the operation id of its turn, and `attempt`, the run of the turn
//   asked      the number of messages of its question, and `position`, where they begin
//   question   the question itself, while it is kept beside the conversation: "<bytes>:<entry>" for each message;
//              `replaces` is the message that it will replace, `behind` the position behind the last message then
//   startedAt  the time at which it began
//   ttl        how long its events can be followed after its end, in milliseconds
//   end        how it ended, and `endedAt`, the position of the last message then; absent while it runs
//   open       the time until which events may be added without a sign of life; absent once the log is closed
//   renew      the time from which on a batch of events renews the lease, the deadlines and the session's idle timeout
//   followed   the time until which somebody follows it, so that events are published
//   former     how the runs before it ended: "<run> <end> <position or ->;…"
//
// Its events are in a list. The first entry is empty, so that an event's number is its index, and so that no event can
// create the list again after its removal.

/** How the name of the Pub/Sub channel of events ends, behind that of the channel of the conversation's answers. */
export const EVENTS_CHANNEL = ":events";

/** The keys of a script with which a producer writes, or which looks at an answer. */
export const answerKeys = {
  answer: "hash: the latest answer of the conversation",
  events: "list: an empty element, and then the answer's events",
} as const;

/**
 * Returns the entries of a question that is kept beside its conversation. Text that this library did not write becomes
 * one entry.
 */
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

/**
 * Notifies the followers of an answer, if there are any, that there is something to read.
 *
 * `known` is the field `followed`, if the script has read it. `added` is what the message says behind its first word.
 */
export const tellFollowers = fragment(
  /* lua */ `
local function tellFollowers(answer, channel, known, added)
  local followed = known
  if followed == nil then
    followed = redis.call("HGET", answer, "followed")
  end
  if followed and now < tonumber(followed) then
    -- The message is only a hint, so an ACL without the channel must not stop the script half-way.
    redis.pcall("PUBLISH", channel .. "${EVENTS_CHANNEL}", "events" .. (added or ""))
  end
end`,
  now,
);

/**
 * Ends an answer. Its events can be followed for a while. The hash of an answer that may be asked again stays as long
 * as its conversation.
 */
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
 * Settles an answer whose producer is dead, because its lease has expired. From then on the producer is refused, even
 * if it comes back.
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

/** Removes the answer of a conversation whose past is cut. Notifies followers, who then find that it is gone. */
export const dropAnswer = fragment(/* lua */ `
local function dropAnswer(answer, events, channel)
  if redis.call("UNLINK", answer, events) > 0 then
    redis.pcall("PUBLISH", channel .. "${EVENTS_CHANNEL}", "events")
  end
end`);
