import { text as textReply } from "../../replies.js";
import { text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { destroyKey } from "../fragments/data-key.js";
import { clearRemembered } from "../fragments/messages.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";
import { microseconds, whole } from "../fragments/time.js";

/** Parses the mark, and the id of the destroyed data key, if there was one. */
const marked = (recorded: unknown): { mark: string; destroyed: string } => {
  const [mark = "", destroyed = ""] = textReply(recorded).split(" ");
  return { mark, destroyed };
};

export const clearScript = defineScript({
  name: "history.clear",
  about: "removes the messages, and leaves a mark that keeps turns in flight from writing them back.",
  flags: "allow-oom",
  keys: {
    messages: "list: the messages",
    meta: "hash: the latest clear",
    ...operationKey,
  },
  optionalKeys: { dataKey: "string: the data key that seals the messages" },
  arguments: { ...digestArgument, elsewhere: text('the id of the data key that is kept elsewhere, "" for none') },
  effects: { cleared: marked, repeated: marked },
  refusals: ["conflict", "foreign"],
  uses: [earlier, remember, destroyKey, clearRemembered, microseconds, whole],
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
local destroyed = dataKey and destroyKey(dataKey, elsewhere) or ""
if destroyed ~= "" then
  mark = mark .. " " .. destroyed
end
remember(operation, digest, mark)
redis.call("DEL", meta)
redis.call("HSET", meta, "cleared", string.match(mark, "%d+"))
redis.call("PEXPIRE", meta, CLEAR_REMEMBERED)
redis.call("UNLINK", messages)
return { "cleared", mark }
`,
});
