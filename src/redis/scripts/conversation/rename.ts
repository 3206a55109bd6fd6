import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";

export const renameConversationScript = defineScript({
  name: "conversation.rename",
  about: "gives a conversation a title.",
  keys: { conversation: "hash: the conversation", ...operationKey },
  arguments: { ...digestArgument, title: text("the title") },
  effects: { done: nothing, repeated: nothing },
  refusals: ["conflict", "no-conversation"],
  uses: [earlier, remember],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before then
  return before
end
if redis.call("HEXISTS", conversation, "agentId") == 0 then
  return { "no-conversation" }
end
remember(operation, digest, "")
redis.call("HSET", conversation, "title", title)
return { "done" }
`,
});
