import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { answerKeys, endAnswer } from "../fragments/answer.js";
import { heldKeys, releaseLease } from "../fragments/lease.js";
import { digestArgument, operationKey, remember } from "../fragments/operation.js";
import { giveUp, successorKey } from "../fragments/supersede.js";

// allow-oom: the script writes only short strings, and releases what a turn would otherwise leave behind.
export const leaveAnswerScript = defineScript({
  name: "answer.leave",
  about:
    "gives up the beginning of an answer. A later try is refused. An answer that has begun is interrupted. It is safe to repeat.",
  flags: "allow-oom",
  unrecorded: true,
  keys: { ...heldKeys, ...answerKeys, ...successorKey, ...operationKey },
  arguments: {
    ...digestArgument,
    token: text("the token of the lease under which the answer would run"),
    channel: text("the Pub/Sub channel of the conversation's answers"),
  },
  effects: { left: nothing },
  uses: [remember, giveUp, endAnswer, releaseLease],
  lua: /* lua */ `
remember(operation, digest, "")
giveUp(successor, token)
endAnswer(answer, events, token, "interrupted", "", channel)
if redis.call("HGET", answer, "token") == token then
  redis.call("HDEL", answer, "open")
end
releaseLease(lease, holder, token)
return { "left" }
`,
});
