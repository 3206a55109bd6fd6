import type { HistoryKeys } from "../keys.js";
import { CLEAR_REMEMBERED_MILLISECONDS, OPERATION_WINDOW_MILLISECONDS } from "../operation.js";
import { list, outcome, text } from "../replies.js";
import { defineScript, type Script } from "../script.js";
import { operationLua, timeLua } from "./fragments.js";

// allow-oom: what should end must be able to end, above all when memory is short.
const lua = /* lua */ `#!lua flags=allow-oom
--[[
Removes the messages, and leaves a mark that keeps turns in flight from writing them back.

KEYS[1]  messages    list
KEYS[2]  meta        hash
KEYS[3]  operation   string, what was written under this operation id

ARGV[1]  digest      what names a clear
ARGV[2]  window      milliseconds to remember the operation
ARGV[3]  remembered  milliseconds to remember the clear

returns  { "cleared", mark } | { "repeated", mark } | { "conflict", "" } | { "foreign", "" }
--]]
${timeLua}${operationLua}
local messages   = KEYS[1]
local meta       = KEYS[2]
local operation  = KEYS[3]
local digest     = ARGV[1]
local window     = ARGV[2]
local remembered = ARGV[3]

local before = earlier(operation, digest)
if before then
  return before
end

-- Not ours to delete: another application's key of the same name.
local kind     = redis.call("TYPE", messages).ok
local metaKind = redis.call("TYPE", meta).ok
if (kind ~= "list" and kind ~= "none") or (metaKind ~= "hash" and metaKind ~= "none") then
  return { "foreign", "" }
end

local mark = whole(microseconds)
remember(operation, digest, window, mark)
redis.call("HSET", meta, "cleared", mark)
redis.call("PEXPIRE", meta, remembered)
redis.call("UNLINK", messages)
return { "cleared", mark }
`;

const outcomes = ["cleared", "repeated", "conflict", "foreign"] as const;

export interface ClearOutcome {
  readonly outcome: (typeof outcomes)[number];
  /** Names the clear; `""` when there was none. */
  readonly mark: string;
}

export const clearScript: Script<{ keys: HistoryKeys; operationId: string }, ClearOutcome> = defineScript({
  lua,
  keys: ({ keys, operationId }) => [keys.messages, keys.meta, keys.operation(operationId)],
  arguments: () => ["clear", String(OPERATION_WINDOW_MILLISECONDS), String(CLEAR_REMEMBERED_MILLISECONDS)],
  reply: (reply) => {
    const [first, mark] = list(reply);
    return { outcome: outcome(first, outcomes), mark: text(mark) };
  },
});
