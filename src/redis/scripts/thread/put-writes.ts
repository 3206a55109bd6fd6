import { notLive } from "../../refusals.js";
import { text, texts } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { keepKey, staleKey } from "../fragments/data-key.js";
import { notAdmitted } from "../fragments/session.js";
import {
  arrive,
  concludeThread,
  release,
  heldLua,
  holdingArguments,
  holdingKeys,
  isDamaged,
  refer,
  threadKeys,
  threadLua,
  writesOf,
} from "../fragments/thread.js";

export const putWritesScript = defineScript({
  name: "thread.put-writes",
  about:
    "stores the writes of a task to a checkpoint, which may arrive later. An index names one write of a task. A write with an index below 0 replaces the earlier one.",
  unrecorded: true,
  seals: true,
  keys: threadKeys,
  optionalKeys: holdingKeys,
  arguments: {
    ...holdingArguments,
    place: text("the place of the checkpoint"),
    task: text("the id of the task, escaped"),
    path: text("the path of the task"),
    writes: texts("the writes: index, channel and reference of each"),
    fresh: texts("nodes that the thread may not have: name and content of each"),
  },
  effects: { stored: nothing },
  answers: { incomplete: nothing },
  refusals: ["corrupt-thread", "no-conversation", ...notLive],
  uses: [staleKey, keepKey, notAdmitted, isDamaged, refer, release, writesOf, arrive, concludeThread],
  lua: /* lua */ `
local refusal = notAdmitted(record, sessions, sessionId, conversation)
if refusal then
  return refusal
end
${threadLua}
${heldLua}
if redis.call("EXISTS", checkpoints) == 0 then
  redis.call("UNLINK", arrivals, nodes, counts)
elseif isDamaged(thread) then
  return { "corrupt-thread" }
end

local before = writesOf(thread, place, task)
local all, at = before or { path }, {}
for i = 2, #all, 3 do
  at[all[i]] = i
end
local referred, replaced = {}, {}
for i = 1, #writes, 3 do
  local index, channel, reference = writes[i], writes[i + 1], writes[i + 2]
  local found = at[index]
  if not found then
    at[index] = #all + 1
    all[#all + 1] = index
    all[#all + 1] = channel
    all[#all + 1] = reference
    referred[#referred + 1] = reference
  elseif tonumber(index) < 0 then
    replaced[#replaced + 1] = all[found + 2]
    all[found + 1], all[found + 2] = channel, reference
    referred[#referred + 1] = reference
  end
end
local stale = staleKey(dataKey, seal)
if stale then
  return stale
elseif not refer(thread, referred, fresh) then
  return { "incomplete" }
end
keepKey(dataKey, seal)
for _, reference in ipairs(replaced) do
  release(thread, reference)
end
if not before then
  redis.call("HSET", checkpoints, "t" .. place, (redis.call("HGET", checkpoints, "t" .. place) or "") .. task .. "\\n")
end
redis.call("HSET", checkpoints, "w" .. place .. "\\n" .. task, cmsgpack.pack(all))
if not redis.call("ZSCORE", arrivals, place) then
  arrive(thread, place)
end
concludeThread(thread, ttl, held)
return { "stored" }
`,
});
