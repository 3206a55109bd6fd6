import { count, list, text as textReply } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { number, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { alive, listed, notLive } from "../fragments/items.js";
import { holderArguments, holderKeys, pageKeys, refusals, refuseLua, storedItem } from "./space.js";

/** A page ends behind the item with which it reaches this size in bytes. */
const PAGE_BYTES = 1_048_576;

/**
 * Parses items.
 *
 * @param reply stored names and stored texts, in turn.
 */
function foundItems(reply: unknown): readonly (readonly [field: string, stored: Stored])[] {
  const flat = list(reply);
  const found: (readonly [string, Stored])[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const stored = storedItem(flat[i + 1]);
    if (stored !== undefined) found.push([textReply(flat[i]), stored]);
  }
  return found;
}

export const pageOfItemsScript = defineScript({
  name: "items.page",
  about: "returns a page of the items of one partition that are below a namespace, the newest first.",
  flags: "no-writes",
  keys: pageKeys,
  optionalKeys: holderKeys,
  arguments: {
    ...holderArguments,
    below: text('the beginning of the names of the items, "" for all'),
    before: text('"+inf", or "(" and the time behind which the page begins'),
    after: text('"-inf", or "(" and the time at which the last page ends'),
    size: number("the largest number of items to look at"),
    wanted: number("the number of items that are enough, 0 for all"),
  },
  answers: {
    /**
     * `found`: stored names and stored texts, in turn. `first`, `last`: the times of the first and last item that was
     * looked at.
     */
    done: (walked: unknown, ended: unknown, first: unknown, last: unknown, found: unknown) => ({
      walked: count(walked),
      isEnd: count(ended) === 1,
      first: textReply(first),
      last: textReply(last),
      found: foundItems(found),
    }),
  },
  refusals,
  uses: [notLive, listed, alive],
  lua: /* lua */ `
${refuseLua}
if not listed(partitions, member) then
  return { "done", 0, 1, "", "", {} }
end
local there = redis.call("ZRANGE", order, before, after, "BYSCORE", "REV", "LIMIT", 0, size, "WITHSCORES")
local found, bytes, walked = {}, 0, 0
for i = 1, #there, 2 do
  local field = there[i]
  walked = walked + 1
  if string.sub(field, 1, #below) == below then
    local stored = alive(redis.call("HGET", items, field))
    if stored then
      found[#found + 1] = field
      found[#found + 1] = stored
      bytes = bytes + #field + #stored
    end
  end
  if #found == 2 * wanted and wanted > 0 or bytes >= ${PAGE_BYTES} then
    break
  end
end
local ended = walked == #there / 2 and walked < size and 1 or 0
return { "done", walked, ended, there[2] or "", there[2 * walked] or "", found }
`,
});
