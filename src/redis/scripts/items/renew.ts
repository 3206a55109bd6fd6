import { list } from "../../replies.js";
import { flag, number, texts } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { keepKey, staleKey } from "../fragments/data-key.js";
import { alive, listed, notLive, settle } from "../fragments/items.js";
import { now, whole } from "../fragments/time.js";
import { holderArguments, holderKeys, refusals, refuseLua, spaceKeys, spaceLua, storedItem } from "./space.js";

export const renewItemsScript = defineScript({
  name: "items.renew",
  about: "renews the deadlines of items of one partition that have one, and returns the items.",
  seals: true,
  keys: spaceKeys,
  optionalKeys: holderKeys,
  arguments: {
    ...holderArguments,
    ttl: number("the time to live in milliseconds from now"),
    returned: flag("whether to return the items"),
    fields: texts("the items' names: namespace and key"),
  },
  /** The stored form of each item; `undefined` for a missing one, or if `returned` is false. */
  answers: { done: (found: unknown) => ({ stored: list(found).map(storedItem) }) },
  refusals,
  uses: [notLive, listed, alive, settle, now, whole, staleKey, keepKey],
  lua: /* lua */ `
${refuseLua}
local stale = staleKey(dataKey, seal)
if stale then
  return stale
end
${spaceLua}
local there = listed(partitions, member)
local at = now + ttl
local found, renewed = {}, false
for i, field in ipairs(fields) do
  local stored = there and alive(redis.call("HGET", items, field))
  local deadline = stored and tonumber(string.sub(stored, 35, 47)) or 0
  if deadline > 0 and deadline < at then
    redis.call("HSET", items, field, string.sub(stored, 1, 34) .. string.format("%013.0f", at) .. string.sub(stored, 48))
    redis.call("ZADD", deadlines, whole(at), field)
    renewed = true
  end
  found[i] = returned and stored or false
end
if renewed then
  keepKey(dataKey, seal)
  settle(space)
end
return { "done", found }
`,
});
