import { defineScript, type Script } from "../../script.js";
import { memoryWriteLua } from "./fragments.js";
import { writeOutcome, type WriteOutcome } from "./outcome.js";
import { type MemorySpace, spaceArguments, spaceHeader, spaceKeys } from "./space.js";

const lua = /* lua */ `#!lua
--[[
Sets one value or several, all or none, once.

${spaceHeader}
ARGV[11] expected  version that the first key must have, "0" when it must not be there, "" for any
ARGV[12] lifetime  of the values in milliseconds, "0" for none, "" to keep the deadline of each
ARGV[13…] entries  key, JSON, number of items, …

returns  { "done" | "repeated", version } | { "version", actual one } | { "quota", which, usage, limit, milliseconds }
       | { "more" | "conflict" | "mismatch" | "unknown" | "ended" | "evicted" | "expired" }
--]]
${memoryWriteLua}
local expected = ARGV[11]
local lifetime = ARGV[12]
local FIRST    = 13

local before = earlier(operation, digest)
if before then
  return before
end
local refusal = enter()
if refusal then
  return refusal
end

if expected ~= "" then
  local found = find(ARGV[FIRST])
  local actual = found and found.version or 0
  if whole(actual) ~= expected then
    return { "version", whole(actual) }
  end
end
local count, addedBytes, addedKeys, largest = 0, 0, 0, 0
for i = FIRST, #ARGV, 3 do
  refresh(ARGV[i])
  local moreBytes, moreKeys = growth(ARGV[i], ARGV[i + 1])
  count      = count + 1
  addedBytes = addedBytes + moreBytes
  addedKeys  = addedKeys + moreKeys
  largest    = math.max(largest, #ARGV[i + 1])
end
local over = exceeded(count, addedBytes, addedKeys, largest)
if over then
  return over
end

remember(operation, digest, window, whole(version))
for i = FIRST, #ARGV, 3 do
  local held = tonumber(redis.call("ZSCORE", deadlines, ARGV[i]) or 0)
  put(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), deadlineAfter(lifetime, held))
end
finish(count)
return { "done", whole(version) }
`;

export interface SetValues {
  readonly operationId: string;
  readonly space: MemorySpace;
  readonly digest: string;
  /** Absent: whatever is there. */
  readonly expected: number | undefined;
  /** Milliseconds; 0: no deadline; `"keep"`: the one that each has. */
  readonly lifetime: number | "keep";
  readonly entries: readonly { readonly key: string; readonly json: string; readonly items: number }[];
}

export const setScript: Script<SetValues, WriteOutcome> = defineScript({
  lua,
  keys: ({ space, operationId }) => spaceKeys(space, operationId),
  arguments: ({ space, digest, expected, lifetime, entries }) => [
    ...spaceArguments(space, digest),
    expected === undefined ? "" : String(expected),
    lifetime === "keep" ? "" : String(lifetime),
    ...entries.flatMap(({ key, json, items }) => [key, json, String(items)]),
  ],
  reply: writeOutcome,
});
