import { flag, number, text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";

export const markSealedScript = defineScript({
  name: "reseal.mark-sealed",
  about: "marks that all messages of a list are sealed, if it is still the list that was read.",
  unrecorded: true,
  keys: { messages: "list: the messages, oldest first", record: "hash: the conversation, or the notes of a history" },
  arguments: {
    isConversation: flag("whether it is a conversation, which is not marked if its record is gone"),
    length: number("the length of the list"),
    first: text("its first message, sealed"),
    last: text("its last message, sealed"),
  },
  effects: { marked: nothing },
  answers: { changed: nothing },
  uses: [],
  lua: /* lua */ `
-- No two sealed values are equal, so if the ends are the same, everything between them is too.
if redis.call("LLEN", messages) ~= length
  or redis.call("LRANGE", messages, 0, 0)[1] ~= first
  or redis.call("LRANGE", messages, -1, -1)[1] ~= last
  or (isConversation and redis.call("EXISTS", record) == 0) then
  return { "changed" }
end
redis.call("HSET", record, "sealed", "1")
local at = redis.call("PEXPIRETIME", messages)
if at < 0 then
  redis.call("PERSIST", record)
else
  redis.call("PEXPIREAT", record, at, "GT")
  redis.call("PEXPIREAT", record, at, "NX")
end
return { "marked" }
`,
});
