import { text as textReply } from "../../replies.js";
import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";

export const rewrapDataKeyScript = defineScript({
  name: "data-key.rewrap",
  about:
    "replaces the record of a data key that the caller has read by one that is wrapped anew. Returns the stored record if it has changed.",
  unrecorded: true,
  keys: { dataKey: "string: the data key of an owner" },
  arguments: { known: text("the record that the caller has read"), rewrapped: text("the same data key, wrapped anew") },
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
