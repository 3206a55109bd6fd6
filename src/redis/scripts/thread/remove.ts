import { notLive } from "../../refusals.js";
import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { notAdmitted } from "../fragments/session.js";
import { askingArguments, askingKeys, deletedKey, removeThread, threadKeys } from "../fragments/thread.js";

export const removeThreadScript = defineScript({
  name: "thread.remove",
  about: "removes a thread, and leaves a mark that keeps runs in flight from writing it back.",
  flags: "allow-oom",
  unrecorded: true,
  keys: { ...threadKeys, ...deletedKey },
  optionalKeys: { ...askingKeys, threads: "sorted set: the owner's threads" },
  arguments: { ...askingArguments, conversationId: text('of the conversation, "" for none') },
  effects: { removed: nothing },
  refusals: ["no-conversation", ...notLive],
  uses: [notAdmitted, removeThread],
  lua: /* lua */ `
local refusal = notAdmitted(record, sessions, sessionId, conversation)
if refusal then
  return refusal
end
removeThread(checkpoints, arrivals, nodes, counts, deleted)
if threads then
  redis.call("ZREM", threads, conversationId)
end
return { "removed" }
`,
});
