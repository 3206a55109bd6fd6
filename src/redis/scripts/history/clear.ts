import { text } from "../../replies.js";
import { defineScript } from "../../script/define.js";
import { clearRemembered } from "../fragments/messages.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";
import { microseconds, whole } from "../fragments/time.js";

const marked = (mark: unknown): { mark: string } => ({ mark: text(mark) });

export const clearScript = defineScript({
  name: "history.clear",
  about: "removes the messages, and leaves a mark that keeps turns in flight from writing them back.",
  flags: "allow-oom",
  keys: {
    messages: "list",
    meta: "hash",
    ...operationKey,
  },
  arguments: digestArgument,
  effects: { cleared: marked, repeated: marked },
  refusals: ["conflict", "foreign"],
  uses: [earlier, remember, clearRemembered, microseconds, whole],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before then
  return before
end

-- A key of another type belongs to another application.
local kind     = redis.call("TYPE", messages).ok
local metaKind = redis.call("TYPE", meta).ok
if (kind ~= "list" and kind ~= "none") or (metaKind ~= "hash" and metaKind ~= "none") then
  return { "foreign" }
end

local mark = whole(microseconds)
remember(operation, digest, mark)
redis.call("DEL", meta)
redis.call("HSET", meta, "cleared", mark)
redis.call("PEXPIRE", meta, CLEAR_REMEMBERED)
redis.call("UNLINK", messages)
return { "cleared", mark }
`,
});
