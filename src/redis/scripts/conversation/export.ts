import { count, storedList, text as textReply } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { number, text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { places } from "../fragments/positions.js";
import { whole } from "../fragments/time.js";

/** How many messages a page has at most. */
const PAGE = 500;
/** A page ends when it has so many bytes. */
const PAGE_BYTES = 1_048_576;
/** How many messages are read at once. The page is longer than `PAGE_BYTES` by so many messages at most. */
const STEP = 16;

const page = (
  first: unknown,
  eras: unknown,
  length: unknown,
  start: unknown,
  fields: unknown,
  entries: unknown,
): {
  first: number;
  eras: string;
  length: number;
  /** The number of the first entry. */
  start: number;
  fields: readonly Stored[];
  entries: readonly Stored[];
} => ({
  first: count(first),
  eras: textReply(eras),
  length: count(length),
  start: count(start),
  fields: storedList(fields),
  entries: storedList(entries),
});

export const exportConversationScript = defineScript({
  name: "conversation.export",
  about: "returns a page of a conversation for an export: what is known of it, and messages from a number on.",
  flags: "no-writes",
  keys: {
    conversation: "hash: the conversation",
    messages: "list: its messages",
    conversations: "sorted set: the owner's, by last activity",
    threads: "sorted set: the owner's threads",
  },
  arguments: {
    conversationId: text("of the conversation"),
    from: number("of the first message that is wanted; an earlier one may be gone"),
    behind: number("the number behind the last message that is wanted, -1 for all"),
  },
  answers: { page, none: nothing },
  uses: [places, whole],
  lua: /* lua */ `
local here = placesOf(conversation, messages)
local names = { "agentId", "title", "createdAt", "activeAt", "forkedFrom", "lineage", "sealed" }
local values = redis.call("HMGET", conversation, unpack(names))
-- An erasure takes the indexes away first. A conversation that has a thread and no message is in that of the threads.
local listed = here.length > 0 and redis.call("ZSCORE", conversations, conversationId)
if not listed and not (values[1] and redis.call("ZSCORE", threads, conversationId)) then
  return { "none" }
end
local fields = {}
for i, value in ipairs(values) do
  if value then
    fields[#fields + 1] = names[i]
    fields[#fields + 1] = value
  end
end
local start = math.max(from, here.first) - here.first
local stop = behind < 0 and here.length or math.min(behind - here.first, here.length)
local entries, bytes, at = {}, 0, start
while at < stop and #entries < ${PAGE} and bytes < ${PAGE_BYTES} do
  for _, entry in ipairs(redis.call("LRANGE", messages, at, math.min(at + ${STEP}, stop) - 1)) do
    entries[#entries + 1] = entry
    bytes = bytes + #entry
  end
  at = at + ${STEP}
end
return { "page", whole(here.first), here.eras, here.length, whole(here.first + start), fields, entries }
`,
});
