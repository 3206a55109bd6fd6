import { list, textList } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import { sessionLua, timeLua } from "../fragments.js";

const lua = /* lua */ `#!lua flags=allow-oom
--[[
The live sessions of one owner, oldest first; removes stale entries of the index.

KEYS[1]  index

returns  { fields, … }, each with its id as "id"
--]]
${timeLua}${sessionLua}
local index = KEYS[1]

local found, stale = {}, {}
for _, id in ipairs(redis.call("ZRANGE", index, 0, -1)) do
  local record = recordOf(index, id)
  if state(record, index, id) == "live" then
    found[#found + 1] = redis.call("HGETALL", record)
  else
    stale[#stale + 1] = id
  end
end
for _, id in ipairs(stale) do
  unlist(recordOf(index, id), index, id)
end
return found
`;

export const listScript: Script<{ readonly index: string }, readonly (readonly string[])[]> = defineScript({
  lua,
  keys: ({ index }) => [index],
  arguments: () => [],
  reply: (reply) => list(reply).map(textList),
});
