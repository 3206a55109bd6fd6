import { list, textOrNothing } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import { memoryReadLua } from "./fragments.js";
import { readOutcome, type ReadOutcome } from "./outcome.js";
import { type MemorySpace, spaceArguments, spaceHeader, spaceKeys } from "./space.js";

// A script, and not a pipeline: a deadline is a matter of the server's clock, and TIME in a pipeline keeps ioredis from
// following a Cluster's redirections. What it costs, lists of messages would feel; a document does not.
const lua = /* lua */ `#!lua flags=no-writes
--[[
Values by their keys.

${spaceHeader}
ARGV[11] part   "whole", or "header" for what stands before the JSON
ARGV[12…] wanted  keys

returns  { "done", { stored text, or nothing, … } } | { "mismatch" | "unknown" | "ended" | "evicted" | "expired" }
--]]
${memoryReadLua}
local part  = ARGV[11]
local FIRST = 12

local refusal = refused()
if refusal then
  return refusal
end
local there = listed()
local found = {}
for i = FIRST, #ARGV do
  local stored = there and alive(redis.call("HGET", values, ARGV[i]))
  if stored and part == "header" then
    stored = string.sub(stored, 1, HEADER)
  end
  found[#found + 1] = stored or false
end
return { "done", found }
`;

export interface ReadValues {
  readonly space: MemorySpace;
  readonly part: "whole" | "header";
  readonly wanted: readonly string[];
}

/** What is stored under each key; `undefined` where nothing is. */
export const readValuesScript: Script<ReadValues, ReadOutcome<readonly (string | undefined)[]>> = defineScript({
  lua,
  keys: ({ space }) => spaceKeys(space),
  arguments: ({ space, part, wanted }) => [...spaceArguments(space), part, ...wanted],
  reply: (reply) => readOutcome(reply, (found) => list(found).map(textOrNothing)),
});
