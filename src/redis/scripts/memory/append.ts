import { number, text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { concludeWrite, deadlineAfter, exceeded, find, growth, put } from "../fragments/memory.js";
import { earlierNumber, rememberNumber } from "../fragments/padded.js";
import { whole } from "../fragments/time.js";
import { enteringWrite, enterWriteLua, limitsLua, writeArguments, writeOnce, writeReplies } from "./space.js";

// The script splices the JSON text and never decodes it: cjson would turn [] into {}, round numbers, and refuse deep
// nesting. The number of items stands before the text, so the script looks only at the items that it drops.
export const appendItemScript = defineScript({
  name: "memory.append",
  about:
    "appends an item to an array, once, and drops the oldest items beyond a length. A missing array counts as empty.",
  ...writeOnce,
  arguments: {
    ...writeArguments,
    key: text("the key of the array"),
    item: text("the item as JSON"),
    max: number("the number of items to keep, 0 for all"),
    lifetime: text('the lifetime of the value in milliseconds, "" to keep its deadline'),
    fresh: text("the secret of a pad, for a namespace that has none"),
  },
  ...writeReplies,
  answers: { ...writeReplies.answers, sealed: nothing },
  refusals: [...writeReplies.refusals, "not-array", "corrupt"],
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
local QUOTE, BACKSLASH, COMMA = 34, 92, 44

-- Returns the place of the comma behind the item that begins at a place; nil if there is none.
local function commaAfter(json, at)
  local depth = 0
  while true do
    at = string.find(json, '[%[%]{},"]', at)
    if not at then
      return nil
    end
    local character = string.byte(json, at)
    if character == QUOTE then
      at = string.find(json, '["\\\\]', at + 1)
      while at and string.byte(json, at) == BACKSLASH do
        at = string.find(json, '["\\\\]', at + 2)
      end
      if not at then
        return nil
      end
    elseif character == COMMA then
      if depth == 0 then
        return at
      end
    elseif string.find(string.char(character), "[%[{]") then
      depth = depth + 1
    else
      depth = depth - 1
    end
    at = at + 1
  end
end

local before = earlierNumber(operation, digest, writes)
if before then
  return before
end
${enterWriteLua}
${limitsLua}

local found = find(space, key)
if found and not found.items then
  return { "corrupt" }
elseif found and found.sealed then
  return { "sealed" }
elseif found and string.sub(found.json, 1, 1) ~= "[" then
  return { "not-array" }
end
local held    = found and found.items or 0
local surplus = max > 0 and math.max(0, held + 1 - max) or 0
local length  = held + 1 - surplus
local json    = "[" .. item .. "]"
if length > 1 then
  local start = 2
  for _ = 1, surplus do
    local comma = commaAfter(found.json, start)
    if not comma then
      return { "corrupt" }
    end
    start = comma + 1
  end
  json = "[" .. string.sub(found.json, start, -2) .. "," .. item .. "]"
end
local addedBytes, addedKeys = growth(space, key, json)
local over = exceeded(space, limits, 1, addedBytes, addedKeys, #json)
if over then
  return over
end

rememberNumber(operation, digest, writes, length, fresh)
put(space, key, json, length, deadlineAfter(lifetime, found and found.deadline or 0))
concludeWrite(space, ttl, 1)
return { "done", whole(length) }
`,
});
