import { count } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import { memoryWriteLua } from "./fragments.js";
import { readOutcome, type ReadOutcome } from "./outcome.js";
import { type MemorySpace, spaceArguments, spaceHeader, spaceKeys } from "./space.js";

// allow-oom: it only removes what has expired, and tells why writes are refused.
const lua = /* lua */ `#!lua flags=allow-oom
--[[
What a namespace holds, and how many writes it took today. Removes expired values on its way; where some may be left, the
caller asks again.

${spaceHeader}

returns  { "done", bytes, keys, writes today, 1 when expired values may be left }
       | { "mismatch" | "unknown" | "ended" | "evicted" | "expired" }
--]]
${memoryWriteLua}
local refusal = enter()
if refusal then
  return refusal
end
return { "done", bytes, redis.call("HLEN", values), written, more and 1 or 0 }
`;

export interface SpaceUsage {
  readonly storageBytes: number;
  readonly keys: number;
  readonly writesToday: number;
  /** Whether expired values may still be among them. */
  readonly uncertain: boolean;
}

export const usageScript: Script<MemorySpace, ReadOutcome<SpaceUsage>> = defineScript({
  lua,
  keys: (space) => spaceKeys(space),
  arguments: (space) => spaceArguments(space),
  reply: (reply) =>
    readOutcome(reply, (bytes, keys, written, more) => ({
      storageBytes: count(bytes),
      keys: count(keys),
      writesToday: count(written),
      uncertain: count(more) > 0,
    })),
});
