import { count, storedList, text as textReply } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { number, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { indexOf, places } from "../fragments/positions.js";

const page = (
  start: unknown,
  first: unknown,
  eras: unknown,
  lineage: unknown,
  sealed: unknown,
  entries: unknown,
): { start: number; first: number; eras: string; lineage: string; isSealed: boolean; entries: readonly Stored[] } => ({
  start: count(start),
  first: count(first),
  eras: textReply(eras),
  lineage: textReply(lineage),
  isSealed: textReply(sealed) !== "",
  entries: storedList(entries),
});

export const pageOfConversationScript = defineScript({
  name: "conversation.page",
  about: "returns messages of a conversation, and the data that their positions are made from.",
  flags: "no-writes",
  keys: {
    conversation: "hash: the conversation",
    messages: "list: its messages",
    conversations: "sorted set: the owner's conversations, by last activity",
  },
  arguments: {
    conversationId: text("the id of the conversation"),
    position: text('the position in front of which the page ends, "" for none'),
    before: number("the index in front of which the page ends, -1 for the end"),
    limit: number("the largest number of messages"),
  },
  answers: { page },
  refusals: ["no-conversation", "no-position"],
  uses: [places, indexOf],
  lua: /* lua */ `
local here = placesOf(conversation, messages)
-- The index may outlive a list that has expired.
if here.length == 0 or not redis.call("ZSCORE", conversations, conversationId) then
  return { "no-conversation" }
end
-- The list may be shorter than when the caller read the index.
local behind = before < 0 and here.length or math.min(before, here.length)
if position ~= "" then
  behind = indexOf(here, position)
  if not behind then
    return { "no-position" }
  end
end
local start = math.max(0, behind - limit)
local entries = behind > start and redis.call("LRANGE", messages, start, behind - 1) or {}
local held = redis.call("HMGET", conversation, "lineage", "sealed")
return { "page", start, here.first, here.eras, held[1] or "", held[2] or "", entries }
`,
});
