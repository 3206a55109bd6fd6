import { text as textReply } from "../../replies.js";
import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";

export const rewrapDataKeyScript = defineScript({
  name: "data-key.rewrap",
  about: "puts a data key that is wrapped anew in the place of what was read, and returns what is there otherwise.",
  unrecorded: true,
  keys: { dataKey: "string: the data key of an owner" },
  arguments: { known: text("what was read"), rewrapped: text("the same data key, wrapped anew") },
  effects: { done: nothing },
  answers: { changed: (found: unknown): { found: string } => ({ found: textReply(found) }) },
  uses: [],
  lua: /* lua */ `
local held = redis.call("GET", dataKey)
if held ~= known then
  return { "changed", held or "" }
end
redis.call("SET", dataKey, rewrapped, "KEEPTTL")
return { "done" }
`,
});
