import { list } from "../../replies.js";
import { texts } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { alive, listed, notLive } from "../fragments/items.js";
import { holderArguments, holderKeys, readKeys, refusals, refuseLua, storedItem } from "./space.js";

export const getItemsScript = defineScript({
  name: "items.get",
  about: "returns items of one partition.",
  flags: "no-writes",
  keys: readKeys,
  optionalKeys: holderKeys,
  arguments: { ...holderArguments, fields: texts("the items' names: namespace and key") },
  /** The stored form of each item; `undefined` for a missing one. */
  answers: { done: (found: unknown) => ({ stored: list(found).map(storedItem) }) },
  refusals,
  uses: [notLive, listed, alive],
  lua: /* lua */ `
${refuseLua}
local there = listed(partitions, member)
local found = {}
for i, field in ipairs(fields) do
  found[i] = there and alive(redis.call("HGET", items, field)) or false
end
return { "done", found }
`,
});
