import { count, list, text, textList } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";

const lua = /* lua */ `#!lua flags=allow-oom
--[[
A page of an owner's conversations, most recent first; removes stale entries of the index on its way.

KEYS[1]  conversations  sorted set, by last activity

ARGV[1]  below  only activity before this time in milliseconds, "+inf" for all
ARGV[2]  limit  how many

returns  { { id, length of the list, name, value, … }, … }
--]]
local conversations = KEYS[1]
local below         = ARGV[1]
local limit         = tonumber(ARGV[2])

-- Found through the index, spelled from its key: "<base>conversations" has "<base>conversation:<id>".
local base = string.sub(conversations, 1, -#"conversations" - 1)
local page, stale = {}, {}
local skipped = 0
while #page < limit do
  local ids = redis.call("ZRANGE", conversations, below, "-inf", "BYSCORE", "REV", "LIMIT", skipped, limit - #page)
  if #ids == 0 then
    break
  end
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
return page
`;

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

export const listConversationsScript: Script<ListConversations, readonly ConversationEntry[]> = defineScript({
  lua,
  keys: ({ conversations }) => [conversations],
  arguments: ({ before, limit }) => [before === undefined ? "+inf" : `(${before}`, String(limit)],
  reply: (reply) =>
    list(reply).map((entry) => {
      const [id, length, ...fields] = list(entry);
      return { id: text(id), length: count(length), fields: textList(fields) };
    }),
});
