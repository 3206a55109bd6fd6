import { notLive } from "../../refusals.js";
import { text, texts } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { earlierSealed, keepKey, staleKey } from "../fragments/data-key.js";
import { digestArgument, operationKey, remember } from "../fragments/operation.js";
import { canContinue, state, touch } from "../fragments/session.js";
import { live, sessionKeys } from "./record.js";

export const updateScript = defineScript({
  name: "session.update",
  about: "sets and removes fields of a live session, and renews its idle timeout.",
  keys: {
    ...sessionKeys,
    ...operationKey,
    conversation: "hash: the session's conversation after the update",
    conversations: "sorted set: the owner's conversations, by last activity",
    threads: "sorted set: the owner's conversations that have a thread",
  },
  arguments: {
    ...digestArgument,
    id: text("the id of the session"),
    continues: text('the id of the conversation if it must already exist with this agent; otherwise ""'),
    removed: texts("the names of fields to remove"),
    fields: texts("the fields to set: names and values, in turn"),
  },
  effects: { live },
  seals: true,
  refusals: ["conflict", "no-conversation", ...notLive],
  uses: [staleKey, keepKey, earlierSealed, remember, state, touch, canContinue],
  lua: /* lua */ `
local before = earlierSealed(operation, digest, dataKey, seal)
if before and before[1] ~= "repeated" then
  return before
end
local found, session = state(record, index, id)
if found ~= "live" then
  return { found }
end
if not before then
  if continues ~= "" and not canContinue(conversations, threads, conversation, continues, session[5]) then
    return { "no-conversation" }
  end
  local stale = staleKey(dataKey, seal)
  if stale then
    return stale
  end
  remember(operation, digest, "")
  keepKey(dataKey, seal)
  if #fields > 0 then
    redis.call("HSET", record, unpack(fields))
  end
  if #removed > 0 then
    redis.call("HDEL", record, unpack(removed))
  end
end
touch(record, index, session)
return { "live", redis.call("HGETALL", record) }
`,
});
