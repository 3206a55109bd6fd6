import { OPERATION_WINDOW_MILLISECONDS } from "../../operation.js";
import { list, outcome } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import { operationLua } from "../fragments.js";

const lua = /* lua */ `#!lua
--[[
Gives a conversation a title.

KEYS[1]  conversation
KEYS[2]  operation

ARGV[1]  digest  of the title
ARGV[2]  window  milliseconds to remember the operation
ARGV[3]  title

returns  { "done" | "repeated" | "conflict" | "no-conversation" }
--]]
${operationLua}
local conversation = KEYS[1]
local operation    = KEYS[2]
local digest       = ARGV[1]
local window       = ARGV[2]
local title        = ARGV[3]

local before = earlier(operation, digest)
if before then
  return before
end
if redis.call("HEXISTS", conversation, "agentId") == 0 then
  return { "no-conversation" }
end
remember(operation, digest, window, "")
redis.call("HSET", conversation, "title", title)
return { "done" }
`;

export interface RenameConversation {
  readonly operationId: string;
  readonly keys: { readonly conversation: string; readonly operation: string };
  readonly digest: string;
  readonly title: string;
}

const outcomes = ["done", "repeated", "conflict", "no-conversation"] as const;

export const renameConversationScript: Script<RenameConversation, (typeof outcomes)[number]> = defineScript({
  lua,
  keys: ({ keys }) => [keys.conversation, keys.operation],
  arguments: ({ digest, title }) => [digest, String(OPERATION_WINDOW_MILLISECONDS), title],
  reply: (reply) => outcome(list(reply)[0], outcomes),
});
