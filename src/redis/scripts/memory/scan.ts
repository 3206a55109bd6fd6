import { list, text as textReply } from "../../replies.js";
import { oneOf, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { alive, header, listed, refused } from "../fragments/memory.js";
import { holderArguments, holderKeys, readKeys, readRefusals } from "./space.js";

/** The approximate number of values in a page. */
const PAGE = 100;

export const scanValuesScript = defineScript({
  name: "memory.scan",
  about:
    "returns a page of a namespace. A value that exists from the first page to the last is in at least one of them.",
  flags: "no-writes",
  keys: readKeys,
  optionalKeys: holderKeys,
  arguments: {
    ...holderArguments,
    part: oneOf(["whole", "header"], "header: only the part in front of the JSON"),
    cursor: text('"0" for the first page, then the cursor of the page before'),
  },
  answers: {
    /** `found`: keys and stored texts, in turn. */
    done: (cursor: unknown, found: unknown) => ({ cursor: textReply(cursor), found: list(found) }),
  },
  refusals: readRefusals,
  uses: [refused, listed, alive, header],
  lua: /* lua */ `
local refusal = refused(record, index, sessionId, agentId)
if refusal then
  return refusal
end
if not listed(memories, member) then
  return { "done", "0", {} }
end
local scanned = redis.call("HSCAN", values, cursor, "COUNT", ${PAGE})
local found = {}
for i = 1, #scanned[2], 2 do
  local stored = alive(scanned[2][i + 1])
  if stored then
    found[#found + 1] = scanned[2][i]
    found[#found + 1] = part == "header" and string.sub(stored, 1, HEADER) or stored
  end
end
return { "done", scanned[1], found }
`,
});
