import { count } from "../../replies.js";
import { KEY_SLACK_MILLISECONDS } from "../../sealing.js";
import { texts } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { keepKey, staleKey } from "../fragments/data-key.js";
import { lineageArgument, staleLineage, staleLineageAnswer } from "../fragments/lineage.js";
import { whole } from "../fragments/time.js";

export const sealValuesScript = defineScript({
  name: "reseal.seal-values",
  about: "replaces the plain values that were read by sealed ones, if they have not changed.",
  unrecorded: true,
  keys: { place: "list or hash: the values" },
  optionalKeys: { record: "hash: the conversation or the notes of the history to which the values belong" },
  arguments: {
    ...lineageArgument,
    at: texts("the indexes or fields of the values"),
    held: texts("the values, as they were read"),
    sealed: texts("the sealed values"),
    beside: texts("fields and values, in turn, to set together with a replaced value"),
  },
  effects: { sealed: (number: unknown): { number: number } => ({ number: count(number) }) },
  answers: { unchanged: nothing, ...staleLineageAnswer },
  seals: true,
  uses: [staleKey, keepKey, staleLineage, whole],
  lua: /* lua */ `
-- Do not create an evicted record again. A plain value in a marked conversation was not written by this library.
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
-- Read the time to live here, because another call may have renewed it since.
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
