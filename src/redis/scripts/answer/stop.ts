import { notLive } from "../../refusals.js";
import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { answerKeys, settleDead } from "../fragments/answer.js";
import { heldKeys } from "../fragments/lease.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";
import { askToStop, stopKey } from "../fragments/supersede.js";
import { notAdmitted } from "../fragments/session.js";
import { sessionKeys } from "../session/record.js";

// allow-oom: the script writes only short strings, and stopping must work when memory is short.
export const stopAnswerScript = defineScript({
  name: "answer.stop",
  about: "tells the turn that holds the conversation to stop, once: a late resend does not stop the next turn.",
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
    sessionId: text("the id of the session that asks"),
    channel: text("the Pub/Sub channel of the conversation's answers"),
    operationId: text('the operation id of the turn, "" for any'),
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
-- An answer whose lease has expired must not come back after the caller was told that nothing runs.
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
