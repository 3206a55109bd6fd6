import { list, storedOrNothing } from "../../replies.js";
import { oneOf, texts } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { alive, header, listed, refused } from "../fragments/memory.js";
import { holderArguments, holderKeys, readKeys, readRefusals } from "./space.js";

// This is a script instead of a pipeline, because deadlines depend on the server's clock, and TIME in a pipeline keeps
// ioredis from following a Cluster's redirections. The extra cost of a script would matter for lists of messages, but
// not for a document.
export const readValuesScript = defineScript({
  name: "memory.read",
  about: "returns values by their keys.",
  flags: "no-writes",
  keys: readKeys,
  optionalKeys: holderKeys,
  arguments: {
    ...holderArguments,
    part: oneOf(["whole", "header"], "header: only the part in front of the JSON"),
    wanted: texts("the keys"),
  },
  /** The stored value of each key; `undefined` for a missing one. */
  answers: { done: (found: unknown) => ({ stored: list(found).map(storedOrNothing) }) },
  refusals: readRefusals,
  uses: [refused, listed, alive, header],
  lua: /* lua */ `
local refusal = refused(record, index, sessionId, agentId)
if refusal then
  return refusal
end
local there = listed(memories, member)
local found = {}
for i, key in ipairs(wanted) do
  local stored = there and alive(redis.call("HGET", values, key))
  if stored and part == "header" then
    stored = string.sub(stored, 1, HEADER)
  end
  found[i] = stored or false
end
return { "done", found }
`,
});
