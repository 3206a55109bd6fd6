import { notLive } from "../../refusals.js";
import { flag, text, texts } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { keepKey, staleKey } from "../fragments/data-key.js";
import { notAdmitted } from "../fragments/session.js";
import {
  arrive,
  checkpointAt,
  concludeThread,
  deletedKey,
  heldLua,
  holdingArguments,
  holdingKeys,
  isDamaged,
  keepArgument,
  onlyLatest,
  prune,
  refer,
  threadKeys,
  threadLua,
  wasPruned,
} from "../fragments/thread.js";

/** The largest number of checkpoints that one put removes, so that no put takes long. */
const MOST = 8;

export const putCheckpointScript = defineScript({
  name: "thread.put",
  about: "stores a checkpoint, whole and once: an id names one checkpoint of its namespace.",
  unrecorded: true,
  seals: true,
  keys: { ...threadKeys, ...deletedKey },
  optionalKeys: holdingKeys,
  arguments: {
    ...holdingArguments,
    ...keepArgument,
    onlyLatest,
    place: text("the place of the checkpoint"),
    parent: text('the place of its parent, "" for none'),
    enclosing: text('the place of the checkpoint in which its graph runs as a node, "" for none'),
    old: flag("whether its sends are the writes to its parent, as before version 4"),
    rest: text("the checkpoint without its values"),
    metadata: text("its metadata"),
    delta: texts("the channels of which only writes are stored, and a value now and then"),
    references: texts("the new values: channel, version and reference of each"),
    carried: texts("the values to take from the parent: channel and version of each"),
    fresh: texts("nodes that the thread may not have: name and content of each"),
  },
  effects: { stored: nothing },
  /** A referenced node is missing, and nothing was stored. Send all nodes. */
  answers: { incomplete: nothing },
  refusals: ["thread-deleted", "thread-changed", "corrupt-thread", "no-conversation", ...notLive],
  uses: [staleKey, keepKey, notAdmitted, checkpointAt, isDamaged, wasPruned, refer, arrive, prune, concludeThread],
  lua: /* lua */ `
if redis.call("HEXISTS", checkpoints, "c" .. place) == 1 then
  return { "stored" }
end
local refusal = notAdmitted(record, sessions, sessionId, conversation)
if refusal then
  return refusal
end
${threadLua}
${heldLua}
if redis.call("EXISTS", checkpoints) == 0 then
  -- The remains of a thread whose checkpoints were evicted are not a thread.
  redis.call("UNLINK", arrivals, nodes, counts)
elseif isDamaged(thread) then
  return { "corrupt-thread" }
elseif wasPruned(thread, place) then
  return { "stored" }
end

local namespace = string.match(place, "^[^\\n]*")
local latest = redis.call("HGET", checkpoints, "l" .. namespace)
local before = nil
if parent ~= "" then
  before = checkpointAt(thread, parent)
end
if before == false then
  return { "corrupt-thread" }
elseif parent ~= "" and not before and redis.call("EXISTS", deleted) == 1 then
  return { "thread-deleted" }
elseif onlyLatest and latest and latest ~= parent then
  return { "thread-changed" }
end

local of = {}
if before then
  for i = 1, #before.references, 3 do
    of[#before.references[i] .. ":" .. before.references[i] .. before.references[i + 1]] = before.references[i + 2]
  end
end
for i = 1, #carried, 2 do
  local reference = of[#carried[i] .. ":" .. carried[i] .. carried[i + 1]]
  if not reference then
    return { "incomplete" }
  end
  references[#references + 1] = carried[i]
  references[#references + 1] = carried[i + 1]
  references[#references + 1] = reference
end
local referred, valued = {}, {}
for i = 1, #references, 3 do
  valued[references[i]] = true
  referred[#referred + 1] = references[i + 2]
end
-- A channel that is such a channel in the parent is one here too.
local known, deltas, needsParent = {}, {}, old
for _, channels in ipairs({ delta, before and before.delta or {} }) do
  for _, channel in ipairs(channels) do
    if not known[channel] then
      known[channel] = true
      deltas[#deltas + 1] = channel
      needsParent = needsParent or not valued[channel]
    end
  end
end
needsParent = needsParent and parent ~= ""
if needsParent and not before then
  return { "thread-deleted" }
end
local stale = staleKey(dataKey, seal)
if stale then
  return stale
elseif not refer(thread, referred, fresh) then
  return { "incomplete" }
end
keepKey(dataKey, seal)

if needsParent then
  redis.call("HINCRBY", checkpoints, "n" .. parent, 1)
end
redis.call("HSET", checkpoints, "c" .. place, cmsgpack.pack({
  parent = parent, enclosing = enclosing, old = old, needsParent = needsParent, delta = deltas,
  rest = rest, metadata = metadata, references = references,
}), "l" .. namespace, place)
arrive(thread, place)
if keep > 0 then
  prune(thread, keep, ${MOST}, true)
end
concludeThread(thread, ttl, held)
return { "stored" }
`,
});
