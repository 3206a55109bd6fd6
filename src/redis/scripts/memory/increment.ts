import { number, text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { concludeWrite, deadlineAfter, exceeded, find, growth, put } from "../fragments/memory.js";
import { earlierNumber, rememberNumber } from "../fragments/padded.js";
import { whole } from "../fragments/time.js";
import { enteringWrite, enterWriteLua, limitsLua, writeArguments, writeOnce, writeReplies } from "./space.js";

export const incrementScript = defineScript({
  name: "memory.increment",
  about: "adds to a whole number, once. A missing number counts as 0.",
  ...writeOnce,
  arguments: {
    ...writeArguments,
    key: text("the key of the number"),
    by: number("the number to add, a safe integer"),
    lifetime: text('the lifetime of the value in milliseconds, "" to keep its deadline'),
    fresh: text("the secret of a pad, for a namespace that has none"),
  },
  ...writeReplies,
  answers: { ...writeReplies.answers, sealed: nothing },
  refusals: [...writeReplies.refusals, "not-integer", "unsafe", "corrupt"],
  uses: [
    earlierNumber,
    rememberNumber,
    ...enteringWrite,
    find,
    growth,
    exceeded,
    put,
    deadlineAfter,
    concludeWrite,
    whole,
  ],
  lua: /* lua */ `
local SAFE = 9007199254740991

local before = earlierNumber(operation, digest, writes)
if before then
  return before
end
${enterWriteLua}
${limitsLua}

local found = find(space, key)
if found and not found.deadline then
  return { "corrupt" }
elseif found and found.sealed then
  return { "sealed" }
elseif found and not string.find(found.json, "^%-?%d+$") then
  return { "not-integer" }
end
-- A double holds both numbers exactly, and their sum as long as it is safe.
local held = found and tonumber(found.json) or 0
local sum  = held + by
if math.abs(held) > SAFE or math.abs(sum) > SAFE then
  return { "unsafe" }
end
local json = whole(sum)
local addedBytes, addedKeys = growth(space, key, json)
local over = exceeded(space, limits, 1, addedBytes, addedKeys, #json)
if over then
  return over
end

rememberNumber(operation, digest, writes, sum, fresh)
put(space, key, json, 0, deadlineAfter(lifetime, found and found.deadline or 0))
concludeWrite(space, ttl, 1)
return { "done", json }
`,
});
