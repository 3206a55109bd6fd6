import { count, list, text, textList } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";

const lua = /* lua */ `#!lua flags=allow-oom
--[[
A page of an owner's conversations, most recent first; removes stale entries of the index on its way. Of many of these it
removes some and leaves the rest to its next run: Redis does nothing else meanwhile.

KEYS[1]  conversations  sorted set, by last activity

ARGV[1]  below  only activity before this time in milliseconds, "+inf" for all
ARGV[2]  limit  how many
ARGV[3]  most   stale entries after which this run ends, with those of the page that it looks at

returns  { 1 when it is to be run again, else 0; { { id, length of the list, name, value, … }, … } }
--]]
local conversations = KEYS[1]
local below         = ARGV[1]
local limit         = tonumber(ARGV[2])
local most          = tonumber(ARGV[3])

-- Found through the index, spelled from its key: "<base>conversations" has "<base>conversation:<id>".
local base = string.sub(conversations, 1, -#"conversations" - 1)
local page, stale = {}, {}
local skipped = 0
local left = true
while left and #page < limit and #stale < most do
  local ids = redis.call("ZRANGE", conversations, below, "-inf", "BYSCORE", "REV", "LIMIT", skipped, limit - #page)
  left = #ids > 0
  skipped = skipped + #ids
  for _, id in ipairs(ids) do
    -- Stops the script in a slot that is moving here, where what is still elsewhere looks like nothing: more keys tell.
    redis.call("EXISTS", conversations, base .. "conversation:" .. id, base .. "messages:" .. id)
    local fields = redis.call("HGETALL", base .. "conversation:" .. id)
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
end
return { left and #page < limit and 1 or 0, page }
`;

/** A script takes about a millisecond to look at so many. */
const MOST_STALE = 500;

export interface ListConversations {
  readonly conversations: string;
  /** Milliseconds since 1970; `undefined`: from the most recent on. */
  readonly before: number | undefined;
  readonly limit: number;
}

export interface ConversationEntry {
  readonly id: string;
  readonly length: number;
  /** Name, value, name, value … */
  readonly fields: readonly string[];
}

interface ConversationEntries {
  /** There may be more, which the next run finds. */
  readonly unfinished: boolean;
  readonly entries: readonly ConversationEntry[];
}

export const listConversationsScript: Script<ListConversations, ConversationEntries> = defineScript({
  lua,
  keys: ({ conversations }) => [conversations],
  arguments: ({ before, limit }) => [before === undefined ? "+inf" : `(${before}`, String(limit), String(MOST_STALE)],
  reply: (reply) => {
    const [again, page] = list(reply);
    const entries = list(page).map((entry) => {
      const [id, length, ...fields] = list(entry);
      return { id: text(id), length: count(length), fields: textList(fields) };
    });
    return { unfinished: count(again) === 1, entries };
  },
});
