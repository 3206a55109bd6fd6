import { text, textList } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import { memoryReadLua } from "./fragments.js";
import { readOutcome, type ReadOutcome } from "./outcome.js";
import { type MemorySpace, spaceArguments, spaceHeader, spaceKeys } from "./space.js";

/** About so many values a page. */
const PAGE = 100;

const lua = /* lua */ `#!lua flags=no-writes
--[[
A page of a namespace. What is there from the first page to the last is in one of them, possibly in several.

${spaceHeader}
ARGV[11] part    "whole", or "header" for what stands before the JSON
ARGV[12] cursor  "0" for the first page, else what the page before returned
ARGV[13] page    about how many

returns  { "done", next cursor or "0", { key, stored text, … } }
       | { "mismatch" | "unknown" | "ended" | "evicted" | "expired" }
--]]
${memoryReadLua}
local part   = ARGV[11]
local cursor = ARGV[12]
local page   = ARGV[13]

local refusal = refused()
if refusal then
  return refusal
end
if not listed() then
  return { "done", "0", {} }
end
local scanned = redis.call("HSCAN", values, cursor, "COUNT", page)
local found = {}
for i = 1, #scanned[2], 2 do
  local stored = alive(scanned[2][i + 1])
  if stored then
    found[#found + 1] = scanned[2][i]
    found[#found + 1] = part == "header" and string.sub(stored, 1, HEADER) or stored
  end
end
return { "done", scanned[1], found }
`;

export interface ScanValues {
  readonly space: MemorySpace;
  readonly part: "whole" | "header";
  readonly cursor: string;
}

export interface ScannedPage {
  readonly cursor: string;
  /** Key, stored text, key, stored text … */
  readonly found: readonly string[];
}

export const scanValuesScript: Script<ScanValues, ReadOutcome<ScannedPage>> = defineScript({
  lua,
  keys: ({ space }) => spaceKeys(space),
  arguments: ({ space, part, cursor }) => [...spaceArguments(space), part, cursor, String(PAGE)],
  reply: (reply) => readOutcome(reply, (cursor, found) => ({ cursor: text(cursor), found: textList(found) })),
});
