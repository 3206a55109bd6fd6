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
  about: "returns messages of a conversation, and what their positions are made of.",
  flags: "no-writes",
  keys: {
    conversation: "hash: the conversation",
    messages: "list: its messages",
    conversations: "sorted set: the owner's, by last activity",
  },
  arguments: {
    conversationId: text("of the conversation"),
    position: text('in front of which the page ends, "" for none'),
    before: number("index in front of which the page ends, -1 for the end"),
    limit: number("how many at most"),
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
-- The list may be shorter than it was when the caller read that index.
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
