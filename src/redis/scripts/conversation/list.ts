import { count, list, storedList, text as textReply } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { flag, number, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { untitle } from "../fragments/untitle.js";

/** The largest number of stale entries that one script looks at, which takes it about a millisecond. */
const MAX_STALE = 500;

export interface ConversationEntry {
  readonly id: string;
  readonly length: number;
  /** Names and values, in turn. */
  readonly fields: readonly Stored[];
}

const entries = (page: unknown): { entries: readonly ConversationEntry[] } => ({
  entries: list(page).map((entry) => {
    const [id, length, ...fields] = list(entry);
    return { id: textReply(id), length: count(length), fields: storedList(fields) };
  }),
});

// The script removes a limited number of stale entries and leaves the rest to its next run, because Redis does nothing
// else meanwhile.
export const listConversationsScript = defineScript({
  name: "conversation.list",
  about: "returns a page of an owner's conversations, most recent first, and removes stale entries of the index.",
  flags: "allow-oom",
  keys: { conversations: "sorted set: the owner's conversations, by last activity" },
  arguments: {
    below: text('the time in milliseconds before which conversations were active, "+inf" for all'),
    limit: number("the largest number of conversations"),
    withLineage: flag("whether titles may be sealed, so that the lineages are needed"),
  },
  /** `unfinished`: the next run may find more. */
  answers: { page: entries, unfinished: entries },
  uses: [untitle],
  lua: /* lua */ `
-- Derive the keys from the key of the index: "<base>conversations" has "<base>conversation:<id>".
local base = string.sub(conversations, 1, -#"conversations" - 1)
local SHOWN = { "agentId", "title", "createdAt", "activeAt", "forkedFrom", withLineage and "lineage" or nil }
local threads = base .. "threads"
local page, stale = {}, {}
local skipped = 0
local left = true
while left and #page < limit and #stale < ${MAX_STALE} do
  local ids = redis.call("ZRANGE", conversations, below, "-inf", "BYSCORE", "REV", "LIMIT", skipped, limit - #page)
  left = #ids > 0
  skipped = skipped + #ids
  for _, id in ipairs(ids) do
    -- In a slot that is moving here, a key that is still elsewhere looks missing. Naming several keys stops the script.
    redis.call("EXISTS", conversations, threads, base .. "conversation:" .. id, base .. "messages:" .. id)
    local values = redis.call("HMGET", base .. "conversation:" .. id, unpack(SHOWN))
    local fields = {}
    for position, value in ipairs(values) do
      if value then
        fields[#fields + 1] = SHOWN[position]
        fields[#fields + 1] = value
      end
    end
    local length = redis.call("LLEN", base .. "messages:" .. id)
    if length == 0 then
      stale[#stale + 1] = id
    else
      table.insert(fields, 1, length)
      table.insert(fields, 1, id)
      page[#page + 1] = fields
    end
  end
end
for _, id in ipairs(stale) do
  redis.call("ZREM", conversations, id)
  untitle(conversations, threads, base .. "conversation:" .. id, id)
end
return { left and #page < limit and "unfinished" or "page", page }
`,
});
