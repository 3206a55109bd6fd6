import { outcome, storedList, text as textReply, textList } from "../../replies.js";
import { notLive } from "../../refusals.js";
import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { answerKeys, keptQuestion, settleDead } from "../fragments/answer.js";
import { heldKeys } from "../fragments/lease.js";
import { indexOf, places, positionAt } from "../fragments/positions.js";
import { unfinishedTurn } from "../fragments/unfinished.js";
import { notAdmitted } from "../fragments/session.js";
import { sessionKeys } from "../session/record.js";

// allow-oom: the script writes little more than how an answer ended.
export const currentAnswerScript = defineScript({
  name: "answer.current",
  about:
    "returns the answer that is running, waits for a person, or was interrupted and can be asked again. Settles an answer whose producer is dead.",
  flags: "allow-oom",
  keys: {
    ...sessionKeys,
    conversation: "hash: the conversation",
    messages: "list: its messages",
    ...heldKeys,
    ...answerKeys,
  },
  arguments: {
    sessionId: text("the id of the session that asks"),
    channel: text("the Pub/Sub channel of the conversation's answers"),
  },
  answers: {
    none: nothing,
    found: (how: unknown, fields: unknown, lineage: unknown, question: unknown) => {
      const [operationId = "", position = "", startedAt = "", replaces = ""] = textList(fields);
      return {
        state: outcome(how, ["running", "waiting", "interrupted"]),
        operationId,
        position,
        startedAt,
        replaces,
        lineage: textReply(lineage),
        entries: storedList(question),
      };
    },
  },
  refusals: ["no-conversation", ...notLive],
  uses: [notAdmitted, settleDead, keptQuestion, places, positionAt, indexOf, unfinishedTurn],
  lua: /* lua */ `
local refusal = notAdmitted(record, index, sessionId, conversation)
if refusal then
  return refusal
end
settleDead(answer, events, lease, holder, channel)
local fields = redis.call("HMGET", answer, "operation", "position", "startedAt", "replaces", "end", "asked", "question", "behind")
local how = fields[5] or "running"
if how == "failed" then
  how = "interrupted"
end
if not fields[1] or (how ~= "running" and how ~= "waiting" and how ~= "interrupted") then
  return { "none" }
end
local here = placesOf(conversation, messages)
if how == "interrupted" then
  -- If other messages follow, it is an ordinary interrupted turn.
  local note = unfinishedTurn(redis.call("HGET", conversation, "unfinished"))
  local isLast = note and note.turn == fields[1] and note.parts > 0
  if not isLast and not (fields[8] and positionAt(here, here.length) == fields[8]) then
    return { "none" }
  end
end
local question = keptQuestion(fields[7] or "")
local at = not fields[7] and fields[2] ~= "-" and indexOf(here, fields[2])
if at then
  for _, entry in ipairs(redis.call("LRANGE", messages, at, at + fields[6] - 1)) do
    question[#question + 1] = entry
  end
end
local position = fields[2] ~= "-" and fields[2] or ""
local lineage = redis.call("HGET", conversation, "lineage") or ""
return { "found", how, { fields[1], position, fields[3], fields[4] or "" }, lineage, question }
`,
});
