import { defineScript, type Script } from "../../script.js";
import { memoryWriteLua } from "./fragments.js";
import { writeOutcome, type WriteOutcome } from "./outcome.js";
import { type MemorySpace, spaceArguments, spaceHeader, spaceKeys } from "./space.js";

// allow-oom: what should go must be able to go, above all when memory is short. Limits do not count removals.
const lua = /* lua */ `#!lua flags=allow-oom
--[[
Removes one value, or all of the namespace, once. How many writes there were today stays known.

${spaceHeader}
ARGV[11] scope  "one" | "all"
ARGV[12] key    of the one

returns  { "done" | "repeated", "1" when the one was there, or any were; else "0" }
       | { "conflict" | "mismatch" | "unknown" | "ended" | "evicted" | "expired" }
--]]
${memoryWriteLua}
local scope = ARGV[11]
local key   = ARGV[12]

local before = earlier(operation, digest)
if before then
  return before
end
local refusal = enter()
if refusal then
  return refusal
end

if scope == "one" then
  refresh(key)
end
local there = scope == "one" and redis.call("HEXISTS", values, key) or redis.call("EXISTS", values)
remember(operation, digest, window, whole(there))
if scope == "all" then
  redis.call("UNLINK", values, deadlines, usage)
elseif there == 1 then
  drop(key)
end
finish(0)
return { "done", whole(there) }
`;

export interface RemoveValues {
  readonly operationId: string;
  readonly space: MemorySpace;
  readonly digest: string;
  /** Absent: all. */
  readonly key: string | undefined;
}

export const removeValuesScript: Script<RemoveValues, WriteOutcome> = defineScript({
  lua,
  keys: ({ space, operationId }) => spaceKeys(space, operationId),
  arguments: ({ space, digest, key }) => [
    ...spaceArguments(space, digest),
    key === undefined ? "all" : "one",
    key ?? "",
  ],
  reply: writeOutcome,
});
