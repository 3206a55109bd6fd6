import { count, storedList, text as textReply } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { notLive } from "../../refusals.js";
import { flag, number, text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { answerKeys, settleDead } from "../fragments/answer.js";
import { heldKeys } from "../fragments/lease.js";
import { now, whole } from "../fragments/time.js";
import { notAdmitted } from "../fragments/session.js";
import { sessionKeys } from "../session/record.js";

/** How long a follower counts as following after a read. */
const FOLLOWED_MILLISECONDS = 30_000;

/** The reply of the script. */
export type AnswerRead =
  | { readonly outcome: "none" | "gone" }
  | { readonly outcome: "former"; readonly end: string; readonly position: string }
  | {
      readonly outcome: "found";
      readonly run: string;
      /** How the answer ended. Empty while events may come. */
      readonly end: string;
      readonly position: string;
      /** The number of events that exist. */
      readonly present: number;
      readonly events: readonly Stored[];
    };

// allow-oom: the script writes only a time, or how an answer ended, and followers must hear of the end.
export const readAnswerScript = defineScript({
  name: "answer.read",
  about:
    "returns the events of an answer from a number on, and how it ended, once all are returned. Settles an answer whose producer is dead.",
  flags: "allow-oom",
  keys: { ...sessionKeys, conversation: "hash: the conversation", ...heldKeys, ...answerKeys },
  arguments: {
    sessionId: text("the id of the session that follows"),
    channel: text("the Pub/Sub channel of the conversation's answers"),
    run: text('the answer to follow, "" for the latest'),
    operationId: text('the operation id of the turn whose answer to follow, "" for any'),
    from: number("the number of events that the follower has"),
    limit: number("the largest number of events to return"),
    marks: flag("whether the follower goes on following"),
  },
  answers: {
    none: nothing,
    gone: nothing,
    former: (end: unknown, position: unknown) => ({ end: textReply(end), position: textReply(position) }),
    found: (run: unknown, end: unknown, position: unknown, present: unknown, events: unknown) => ({
      run: textReply(run),
      end: textReply(end),
      position: textReply(position),
      present: count(present),
      events: storedList(events),
    }),
  },
  refusals: ["no-conversation", ...notLive],
  uses: [notAdmitted, settleDead, now, whole],
  lua: /* lua */ `
local refusal = notAdmitted(record, index, sessionId, conversation)
if refusal then
  return refusal
end
local function read()
  return redis.call("HMGET", answer, "run", "operation", "end", "endedAt", "open", "former", "token")
end
local fields = read()
if not fields[3] and redis.call("GET", lease) ~= fields[7] then
  settleDead(answer, events, lease, holder, channel)
  fields = read()
end
if not fields[1] then
  return { run == "" and "none" or "gone" }
elseif run ~= "" and run ~= fields[1] then
  for name, how, position in string.gmatch(fields[6] or "", "(%S+) (%S+) (%S+);") do
    if name == run then
      return { "former", how, position == "-" and "" or position }
    end
  end
  return { "gone" }
elseif operationId ~= "" and operationId ~= fields[2] then
  return { "none" }
end
local entries = redis.call("LRANGE", events, whole(from + 1), whole(from + limit))
-- What was returned ends the list, unless it is as much as may be returned, or nothing.
local present = from + #entries
if #entries == 0 or #entries >= limit then
  present = math.max(0, redis.call("LLEN", events) - 1)
end
local isOver = fields[3] and (not fields[5] or tonumber(fields[5]) <= now)
if marks and not isOver then
  redis.call("HSET", answer, "followed", whole(now + ${FOLLOWED_MILLISECONDS}))
end
return { "found", fields[1], isOver and fields[3] or "", isOver and fields[4] or "", present, entries }
`,
});
