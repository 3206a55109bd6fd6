import { count, storedList, text as textReply } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { number, text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { places } from "../fragments/positions.js";
import { whole } from "../fragments/time.js";

/** The largest number of messages of a page. */
const PAGE = 500;
/** The size in bytes at which a page ends. */
const PAGE_BYTES = 1_048_576;
/** The number of messages that are read at once. A page exceeds `PAGE_BYTES` by at most this many messages. */
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
  about: "returns a page of a conversation for an export: its fields, and messages from a number on.",
  flags: "no-writes",
  keys: {
    conversation: "hash: the conversation",
    messages: "list: its messages",
    conversations: "sorted set: the owner's conversations, by last activity",
    threads: "sorted set: the owner's threads",
  },
  arguments: {
    conversationId: text("the id of the conversation"),
    from: number("the number of the first message to return; it may be gone"),
    behind: number("the number behind the last message to return, -1 for all"),
  },
  answers: { page, none: nothing },
  uses: [places, whole],
  lua: /* lua */ `
local here = placesOf(conversation, messages)
local names = { "agentId", "title", "createdAt", "activeAt", "forkedFrom", "lineage", "sealed" }
local values = redis.call("HMGET", conversation, unpack(names))
-- An erasure removes the indexes first. A conversation with a thread but no message is in the index of threads.
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
