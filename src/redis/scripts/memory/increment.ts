import { defineScript, type Script } from "../../script.js";
import { memoryWriteLua } from "./fragments.js";
import { newPadSecret, paddedLua } from "./padded.js";
import { writeOutcome, type WriteOutcome } from "./outcome.js";
import { type MemorySpace, spaceArguments, spaceHeader, spaceKeys } from "./space.js";

const lua = /* lua */ `#!lua
--[[
Adds to a whole number, once; a missing one is 0.

${spaceHeader}
ARGV[11] key
ARGV[12] by        a safe integer
ARGV[13] lifetime  of the value in milliseconds, "" to keep its deadline
ARGV[14] fresh     secret of a pad, for a namespace that has none

returns  { "done" | "repeated", sum } | { "quota", which, usage, limit, milliseconds }
       | { "not-integer" | "unsafe" | "corrupt" | "more" | "conflict" | "mismatch" | "unknown" | "ended" | "evicted"
           | "expired" }
--]]
${memoryWriteLua}${paddedLua}
local key      = ARGV[11]
local by       = tonumber(ARGV[12])
local lifetime = ARGV[13]
local fresh    = ARGV[14]
local SAFE     = 9007199254740991

local before = earlierNumber()
if before then
  return before
end
local refusal = enter()
if refusal then
  return refusal
end

local found = find(key)
if found and not found.deadline then
  return { "corrupt" }
elseif found and not string.find(found.json, "^%-?%d+$") then
  return { "not-integer" }
end
-- Both are exact in a double, and their sum is as long as it is safe. Written with "%.0f": tostring() has 14 digits.
local held = found and tonumber(found.json) or 0
local sum  = held + by
if math.abs(held) > SAFE or math.abs(sum) > SAFE then
  return { "unsafe" }
end
local json = whole(sum)
local addedBytes, addedKeys = growth(key, json)
local over = exceeded(1, addedBytes, addedKeys, #json)
if over then
  return over
end

rememberNumber(sum, fresh)
put(key, json, 0, deadlineAfter(lifetime, found and found.deadline or 0))
finish(1)
return { "done", json }
`;

export interface Increment {
  readonly operationId: string;
  readonly space: MemorySpace;
  readonly digest: string;
  readonly key: string;
  readonly by: number;
  /** Milliseconds; `"keep"`: the deadline that it has. */
  readonly lifetime: number | "keep";
}

export const incrementScript: Script<Increment, WriteOutcome> = defineScript({
  lua,
  keys: ({ space, operationId }) => spaceKeys(space, operationId),
  arguments: ({ space, digest, key, by, lifetime }) => [
    ...spaceArguments(space, digest),
    key,
    String(by),
    lifetime === "keep" ? "" : String(lifetime),
    newPadSecret(),
  ],
  reply: writeOutcome,
});
