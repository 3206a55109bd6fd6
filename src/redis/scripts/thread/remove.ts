import { text as textReply } from "../../replies.js";
import { notLive } from "../../refusals.js";
import { text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { destroyKey } from "../fragments/data-key.js";
import { notAdmitted } from "../fragments/session.js";
import { askingArguments, askingKeys, deletedKey, indexKey, removeThread, threadKeys } from "../fragments/thread.js";
import { untitle } from "../fragments/untitle.js";

export const removeThreadScript = defineScript({
  name: "thread.remove",
  about:
    "removes a thread, and leaves a mark that keeps runs in flight from writing it back. Destroys the data key of a thread that belongs to no session.",
  flags: "allow-oom",
  unrecorded: true,
  keys: { ...threadKeys, ...deletedKey, ownKey: "string: the data key of the thread, or of its owner" },
  optionalKeys: { ...askingKeys, ...indexKey, threads: "sorted set: the owner's threads" },
  arguments: {
    ...askingArguments,
    conversationId: text('the id of the conversation, "" for none'),
    elsewhere: text('the id of the data key that is kept elsewhere, "" for none'),
  },
  /** `destroyed`: the id of the destroyed data key, `""` for none. */
  effects: { removed: (destroyed: unknown) => ({ destroyed: textReply(destroyed) }) },
  refusals: ["no-conversation", ...notLive],
  uses: [notAdmitted, removeThread, untitle, destroyKey],
  lua: /* lua */ `
local refusal = notAdmitted(record, sessions, sessionId, conversation)
if refusal then
  return refusal
end
removeThread(checkpoints, arrivals, nodes, counts, deleted)
if threads then
  redis.call("ZREM", threads, conversationId)
  untitle(conversations, threads, conversation, conversationId)
  return { "removed", "" }
end
return { "removed", destroyKey(ownKey, elsewhere) }
`,
});
