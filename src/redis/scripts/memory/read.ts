import { list, storedOrNothing } from "../../replies.js";
import { oneOf, texts } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { alive, header, listed, refused } from "../fragments/memory.js";
import { holderArguments, holderKeys, readKeys, readRefusals } from "./space.js";

// A script, and not a pipeline: a deadline is a matter of the server's clock, and TIME in a pipeline keeps ioredis from
// following a Cluster's redirections. What it costs, lists of messages would feel; a document does not.
export const readValuesScript = defineScript({
  name: "memory.read",
  about: "returns values by their keys.",
  flags: "no-writes",
  keys: readKeys,
  optionalKeys: holderKeys,
  arguments: {
    ...holderArguments,
    part: oneOf(["whole", "header"], "header: what stands before the JSON"),
    wanted: texts("keys"),
  },
  /** What is stored under each key; `undefined` where nothing is. */
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
