import { count } from "../../replies.js";
import { KEY_SLACK_MILLISECONDS } from "../../sealing.js";
import { texts } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { keepKey, staleKey } from "../fragments/data-key.js";
import { lineageArgument, staleLineage, staleLineageAnswer } from "../fragments/lineage.js";
import { whole } from "../fragments/time.js";

export const sealValuesScript = defineScript({
  name: "reseal.seal-values",
  about: "puts sealed values in the place of the plain ones that were read, where these are there still.",
  unrecorded: true,
  keys: { place: "list or hash" },
  optionalKeys: { record: "hash: the conversation, or the notes of the history, whose messages or title these are" },
  arguments: {
    ...lineageArgument,
    at: texts("indexes or fields"),
    held: texts("the value of each, as it was read"),
    sealed: texts("the same, sealed"),
    beside: texts("field, value, …: what is set along with a value that was there"),
  },
  effects: { sealed: (number: unknown): { number: number } => ({ number: count(number) }) },
  answers: { unchanged: nothing, ...staleLineageAnswer },
  seals: true,
  uses: [staleKey, keepKey, staleLineage, whole],
  lua: /* lua */ `
-- A record that was evicted is not made anew. What is plain in a conversation that is marked was put there by somebody else.
if (lineage ~= "" and redis.call("EXISTS", record) == 0)
  or (record and record ~= place and redis.call("HEXISTS", record, "sealed") == 1) then
  return { "unchanged" }
end
local kind, there = redis.call("TYPE", place).ok, {}
for i = 1, #at do
  local now = nil
  if kind == "list" then
    now = redis.call("LRANGE", place, at[i], at[i])[1]
  elseif kind == "hash" then
    now = redis.call("HGET", place, at[i])
  end
  if now == held[i] then
    there[#there + 1] = i
  end
end
if #there == 0 then
  return { "unchanged" }
end
local stale = staleKey(dataKey, seal) or staleLineage(record, lineage)
if stale then
  return stale
end
-- Read here: somebody may have let the values live longer since they were read.
local left = redis.call("PTTL", place)
keepKey(dataKey, seal, left < 0 and "0" or whole(left + ${KEY_SLACK_MILLISECONDS}))
if lineage ~= "" then
  redis.call("HSETNX", record, "lineage", string.match(lineage, "^%S+"))
end
for _, i in ipairs(there) do
  if kind == "list" then
    redis.call("LSET", place, at[i], sealed[i])
  else
    redis.call("HSET", place, at[i], sealed[i])
  end
end
if #beside > 0 then
  redis.call("HSET", place, unpack(beside))
end
return { "sealed", #there }
`,
});
