import { defineScript, type Script } from "../../script.js";
import { memoryWriteLua } from "./fragments.js";
import { newPadSecret, paddedLua } from "./padded.js";
import { writeOutcome, type WriteOutcome } from "./outcome.js";
import { type MemorySpace, spaceArguments, spaceHeader, spaceKeys } from "./space.js";

const lua = /* lua */ `#!lua
--[[
Appends an item to an array, once, and drops its oldest ones beyond a length; a missing array is empty.

The JSON text is spliced, never decoded: cjson would turn [] into {}, round numbers and refuse what is nested deep. How
many items there are stands before the text, so only those that are dropped are looked at.

${spaceHeader}
ARGV[11] key
ARGV[12] item      JSON
ARGV[13] max       how many items to keep, "0" for all
ARGV[14] lifetime  of the value in milliseconds, "" to keep its deadline
ARGV[15] fresh     secret of a pad, for a namespace that has none

returns  { "done" | "repeated", length } | { "quota", which, usage, limit, milliseconds }
       | { "not-array" | "corrupt" | "more" | "conflict" | "mismatch" | "unknown" | "ended" | "evicted" | "expired" }
--]]
${memoryWriteLua}${paddedLua}
local key      = ARGV[11]
local item     = ARGV[12]
local max      = tonumber(ARGV[13])
local lifetime = ARGV[14]
local fresh    = ARGV[15]
local QUOTE, BACKSLASH, COMMA = 34, 92, 44

-- The place of the comma behind the item that begins at a place, or nil.
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

local before = earlierNumber()
if before then
  return before
end
local refusal = enter()
if refusal then
  return refusal
end

local found = find(key)
if found and not found.items then
  return { "corrupt" }
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
local addedBytes, addedKeys = growth(key, json)
local over = exceeded(1, addedBytes, addedKeys, #json)
if over then
  return over
end

rememberNumber(length, fresh)
put(key, json, length, deadlineAfter(lifetime, found and found.deadline or 0))
finish(1)
return { "done", whole(length) }
`;

export interface AppendItem {
  readonly operationId: string;
  readonly space: MemorySpace;
  readonly digest: string;
  readonly key: string;
  readonly item: string;
  /** 0: all are kept. */
  readonly max: number;
  /** Milliseconds; `"keep"`: the deadline that it has. */
  readonly lifetime: number | "keep";
}

export const appendItemScript: Script<AppendItem, WriteOutcome> = defineScript({
  lua,
  keys: ({ space, operationId }) => spaceKeys(space, operationId),
  arguments: ({ space, digest, key, item, max, lifetime }) => [
    ...spaceArguments(space, digest),
    key,
    item,
    String(max),
    lifetime === "keep" ? "" : String(lifetime),
    newPadSecret(),
  ],
  reply: writeOutcome,
});
