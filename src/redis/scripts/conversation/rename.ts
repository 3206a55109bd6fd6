import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { earlierSealed, keepKey, staleKey } from "../fragments/data-key.js";
import { lineageArgument, staleLineage, staleLineageAnswer } from "../fragments/lineage.js";
import { digestArgument, operationKey, remember } from "../fragments/operation.js";

export const renameConversationScript = defineScript({
  name: "conversation.rename",
  about: "sets the title of a conversation.",
  keys: {
    conversation: "hash: the conversation",
    conversations: "sorted set: the owner's conversations, by last activity",
    threads: "sorted set: the owner's conversations that have a thread",
    ...operationKey,
  },
  arguments: {
    ...digestArgument,
    ...lineageArgument,
    conversationId: text("the id of the conversation"),
    title: text("the title"),
  },
  effects: { done: nothing, repeated: nothing },
  answers: staleLineageAnswer,
  seals: true,
  refusals: ["conflict", "no-conversation"],
  uses: [earlierSealed, remember, staleKey, keepKey, staleLineage],
  lua: /* lua */ `
local before = earlierSealed(operation, digest, dataKey, seal)
if before then
  return before
end
-- An erasure would not find the title of a conversation that no index lists.
local isListed = redis.call("ZSCORE", conversations, conversationId) or redis.call("ZSCORE", threads, conversationId)
if not isListed or redis.call("HEXISTS", conversation, "agentId") == 0 then
  return { "no-conversation" }
end
local stale = staleKey(dataKey, seal) or staleLineage(conversation, lineage)
if stale then
  return stale
end
remember(operation, digest, "")
keepKey(dataKey, seal)
if lineage ~= "" then
  redis.call("HSETNX", conversation, "lineage", string.match(lineage, "^%S+"))
end
redis.call("HSET", conversation, "title", title)
return { "done" }
`,
});
