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

/** How long a follower is taken for one after it has read. */
const FOLLOWED_MILLISECONDS = 30_000;

/** What the script found. */
export type AnswerRead =
  | { readonly outcome: "none" | "gone" }
  | { readonly outcome: "former"; readonly end: string; readonly position: string }
  | {
      readonly outcome: "found";
      readonly run: string;
      /** Empty while events may come. */
      readonly end: string;
      readonly position: string;
      /** How many events there are. */
      readonly present: number;
      readonly events: readonly Stored[];
    };

// allow-oom: it writes a time, or how an answer ended. Whoever follows must hear of the end.
export const readAnswerScript = defineScript({
  name: "answer.read",
  about:
    "returns the events of an answer behind a number, and how it ended, once all are returned. An answer whose producer is dead is settled.",
  flags: "allow-oom",
  keys: { ...sessionKeys, conversation: "hash: the conversation", ...heldKeys, ...answerKeys },
  arguments: {
    sessionId: text("of the session that follows"),
    channel: text("of the conversation's answers"),
    run: text('the answer that is followed, "" for the latest'),
    operationId: text('of the turn whose answer is followed, "" for any'),
    from: number("how many events the follower has"),
    limit: number("how many events to return at most"),
    marks: flag("whether somebody goes on following"),
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
settleDead(answer, events, lease, holder, channel)
local fields = redis.call("HMGET", answer, "run", "operation", "end", "endedAt", "open", "former")
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
local present = math.max(0, redis.call("LLEN", events) - 1)
local isOver = fields[3] and (not fields[5] or tonumber(fields[5]) <= now)
if marks and not isOver then
  redis.call("HSET", answer, "followed", whole(now + ${FOLLOWED_MILLISECONDS}))
end
return { "found", fields[1], isOver and fields[3] or "", isOver and fields[4] or "", present, entries }
`,
});
