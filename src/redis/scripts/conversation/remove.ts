import { text as textReply } from "../../replies.js";
import { notLive } from "../../refusals.js";
import { text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { answerKeys, dropAnswer } from "../fragments/answer.js";
import { removeConversation } from "../fragments/messages.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";
import { notAdmitted } from "../fragments/session.js";
import { deletedKey, removeThread, threadKeys } from "../fragments/thread.js";
import { microseconds, whole } from "../fragments/time.js";

/** The keys of a script that removes messages of a conversation, together with its thread. */
export const removalKeys = {
  conversation: "hash: the conversation",
  messages: "list: its messages",
  conversations: "sorted set: the owner's conversations, by last activity",
  ...operationKey,
  ...threadKeys,
  ...deletedKey,
  threads: "sorted set: the owner's threads",
} as const;

/**
 * The keys of a script that removes messages of a conversation for good, so that its answer cannot be followed any
 * more.
 */
export const forgettingKeys = { ...removalKeys, ...answerKeys } as const;
export const forgettingArguments = { channel: text("the Pub/Sub channel of the conversation's answers") };

const removed = (generation: unknown): { generation: string } => ({ generation: textReply(generation) });

export const removeConversationScript = defineScript({
  name: "conversation.remove",
  about:
    "removes a conversation and its thread, and leaves its next generation, which keeps turns in flight from writing it back.",
  flags: "allow-oom",
  keys: forgettingKeys,
  optionalKeys: {
    record: "hash: the session that asks; absent if the owner asks: then the conversation must exist",
    index: "sorted set: the owner's sessions",
  },
  arguments: {
    ...digestArgument,
    conversationId: text("the id of the conversation"),
    sessionId: text("the id of the session that asks"),
    ...forgettingArguments,
  },
  effects: { done: removed, repeated: removed },
  refusals: ["conflict", "no-conversation", ...notLive],
  uses: [earlier, remember, notAdmitted, removeConversation, removeThread, dropAnswer, microseconds, whole],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before then
  return before
end
local refusal = notAdmitted(record, index, sessionId, conversation)
if refusal then
  return refusal
elseif not record and redis.call("HEXISTS", conversation, "agentId") == 0 then
  return { "no-conversation" }
end

local generation = whole(microseconds)
remember(operation, digest, generation)
removeConversation(conversation, messages, generation)
redis.call("ZREM", conversations, conversationId)
removeThread(checkpoints, arrivals, nodes, counts, deleted)
redis.call("ZREM", threads, conversationId)
dropAnswer(answer, events, channel)
return { "done", generation }
`,
});
