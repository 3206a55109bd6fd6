import { notLive } from "../../refusals.js";
import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { answerKeys, settleDead } from "../fragments/answer.js";
import { heldKeys } from "../fragments/lease.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";
import { askToStop, stopKey } from "../fragments/supersede.js";
import { notAdmitted } from "../fragments/session.js";
import { sessionKeys } from "../session/record.js";

// allow-oom: it writes short strings, and somebody wants to end something.
export const stopAnswerScript = defineScript({
  name: "answer.stop",
  about:
    "tells the turn that holds the conversation to stop, once: a resend that comes late does not stop the next turn.",
  flags: "allow-oom",
  keys: {
    ...sessionKeys,
    conversation: "hash: the conversation",
    ...heldKeys,
    ...answerKeys,
    ...stopKey,
    ...operationKey,
  },
  arguments: {
    ...digestArgument,
    sessionId: text("of the session that asks"),
    channel: text("of the conversation's answers"),
    operationId: text('of the turn, "" for any'),
  },
  effects: { told: nothing, repeated: nothing },
  answers: { idle: nothing },
  refusals: ["conflict", "no-conversation", ...notLive],
  uses: [earlier, remember, notAdmitted, settleDead, askToStop],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before then
  return before
end
local refusal = notAdmitted(record, index, sessionId, conversation)
if refusal then
  return refusal
end
-- One whose lease lapsed does not come back once somebody was told that nothing runs.
settleDead(answer, events, lease, holder, channel)
local holds = redis.call("GET", lease)
local fields = redis.call("HMGET", answer, "token", "operation")
if not holds or (operationId ~= "" and (fields[1] ~= holds or fields[2] ~= operationId)) then
  return { "idle" }
end
remember(operation, digest, "")
askToStop(stop, lease, holds, "stop", channel)
return { "told" }
`,
});
