import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { removeConversation } from "../fragments/messages.js";
import { dropAnswer } from "../fragments/answer.js";
import { digestArgument, earlier, remember } from "../fragments/operation.js";
import { cut, indexOf, isQuestion, places } from "../fragments/positions.js";
import { removeThread } from "../fragments/thread.js";
import { microseconds, whole } from "../fragments/time.js";
import { forgettingArguments, forgettingKeys } from "./remove.js";

export const rewindConversationScript = defineScript({
  name: "conversation.rewind",
  about:
    "removes a message of a user, everything behind it, and the thread. Begins a generation, which keeps turns in flight from writing them back.",
  flags: "allow-oom",
  keys: forgettingKeys,
  arguments: {
    ...digestArgument,
    conversationId: text("the id of the conversation"),
    position: text("the position of the first message to remove"),
    ...forgettingArguments,
  },
  effects: { done: nothing, repeated: nothing },
  refusals: ["conflict", "no-conversation", "no-position", "no-question"],
  uses: [
    earlier,
    remember,
    places,
    indexOf,
    isQuestion,
    cut,
    removeConversation,
    removeThread,
    dropAnswer,
    microseconds,
    whole,
  ],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before then
  return before
end
local here = placesOf(conversation, messages)
-- An erasure removes the index first. An evicted record is not created again, because it would not expire.
if here.length == 0 or redis.call("HEXISTS", conversation, "agentId") == 0 or not redis.call("ZSCORE", conversations, conversationId) then
  return { "no-conversation" }
end
local index = indexOf(here, position)
if not index then
  return { "no-position" }
elseif not isQuestion(redis.call("LRANGE", messages, index, index)[1]) then
  return { "no-question", "before" }
end

local generation = whole(microseconds)
remember(operation, digest, "")
removeThread(checkpoints, arrivals, nodes, counts, deleted)
redis.call("ZREM", threads, conversationId)
dropAnswer(answer, events, channel)
if index == 0 then
  removeConversation(conversation, messages, generation)
  redis.call("ZREM", conversations, conversationId)
else
  redis.call("HSET", conversation, "generation", generation)
  redis.call("HDEL", conversation, "unfinished")
  cut(conversation, messages, here, index)
end
return { "done" }
`,
});
