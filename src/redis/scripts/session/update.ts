import { notLive } from "../../refusals.js";
import { text, texts } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";
import { canContinue, state, touch } from "../fragments/session.js";
import { live, sessionKeys } from "./record.js";

export const updateScript = defineScript({
  name: "session.update",
  about: "sets and removes fields of a live session, and renews its idle timeout.",
  keys: {
    ...sessionKeys,
    ...operationKey,
    conversation: "hash: the conversation that it is to point at; its own when it stays",
    conversations: "sorted set: the owner's, by last activity",
    threads: "sorted set: conversations of the owner that have a thread",
  },
  arguments: {
    ...digestArgument,
    id: text("of the session"),
    continues: text('id of the conversation, when it has to exist already with this agent; else ""'),
    removed: texts("names of fields to remove"),
    fields: texts("name, value, … to set"),
  },
  effects: { live },
  refusals: ["conflict", "no-conversation", ...notLive],
  uses: [earlier, remember, state, touch, canContinue],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before and before[1] == "conflict" then
  return before
end
local found = state(record, index, id)
if found ~= "live" then
  return { found }
end
if not before then
  local agentId = redis.call("HGET", record, "agentId")
  if continues ~= "" and not canContinue(conversations, threads, conversation, continues, agentId) then
    return { "no-conversation" }
  end
  remember(operation, digest, "")
  if #fields > 0 then
    redis.call("HSET", record, unpack(fields))
  end
  if #removed > 0 then
    redis.call("HDEL", record, unpack(removed))
  end
end
touch(record, index)
return { "live", redis.call("HGETALL", record) }
`,
});
