import { text as textReply, textList } from "../../replies.js";
import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { enter, notLive, settle } from "../fragments/items.js";
import { holderArguments, holderKeys, refusals, refuseLua, spaceKeys, spaceLua } from "./space.js";

/** The approximate number of namespaces in a page. */
const PAGE = 500;

// The script first removes expired items, because the counts include them.
export const namespacesScript = defineScript({
  name: "items.namespaces",
  about:
    "returns a page of the namespaces of one partition that have items. A namespace that exists from the first page to the last is in at least one of them.",
  flags: "allow-oom",
  keys: spaceKeys,
  optionalKeys: holderKeys,
  arguments: { ...holderArguments, cursor: text('"0" for the first page, then the cursor of the page before') },
  answers: {
    done: (cursor: unknown, found: unknown) => ({ cursor: textReply(cursor), found: textList(found) }),
    /** Expired items were removed, and nothing else was done. Call the script again. */
    more: nothing,
  },
  refusals,
  uses: [notLive, enter, settle],
  lua: /* lua */ `
${refuseLua}
${spaceLua}
local removed, more = enter(space)
if removed > 0 then
  settle(space)
end
if more then
  return { "more" }
end
local scanned = redis.call("HSCAN", namespaces, cursor, "COUNT", ${PAGE})
local found = {}
for i = 1, #scanned[2], 2 do
  found[#found + 1] = scanned[2][i]
end
return { "done", scanned[1], found }
`,
});
