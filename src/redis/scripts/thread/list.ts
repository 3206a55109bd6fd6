import { list, text as textReply } from "../../replies.js";
import { notLive } from "../../refusals.js";
import { flag, number, oneOf, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { notAdmitted } from "../fragments/session.js";
import {
  allWrites,
  askingArguments,
  askingKeys,
  checkpointAt,
  collect,
  entryOf,
  lacksKeys,
  threadKeys,
  threadLua,
} from "../fragments/thread.js";
import { type CheckpointEntry, checkpointEntry, type MetadataEntry, metadataEntry } from "./entries.js";
import { nodeList } from "./parts.js";

/** The largest number of unwanted entries that one script looks at, which takes it about a millisecond. */
const MAX_SKIPPED = 1_000;

/** Parses the entries. This happens here, so that a reply that turns out not to be text is requested as bytes. */
function foundEntries(found: readonly unknown[]): { whole: CheckpointEntry[]; metadata: MetadataEntry[] } {
  const whole = found.filter((one) => list(one).length > 2);
  const metadata = found.filter((one) => list(one).length === 2);
  return { whole: whole.map(checkpointEntry), metadata: metadata.map(metadataEntry) };
}

export const listCheckpointsScript = defineScript({
  name: "thread.list",
  about: "returns a page of a thread's checkpoints, the last to arrive first.",
  flags: "no-writes",
  keys: threadKeys,
  optionalKeys: askingKeys,
  arguments: {
    ...askingArguments,
    anyNamespace: flag("whether to list the checkpoints of all namespaces"),
    namespace: text("the namespace whose checkpoints to list"),
    id: text('the id of the checkpoints, escaped, "" for any'),
    below: text('"+inf" for the first page, then the value that the page before returned'),
    before: text('the place in front of which the first page begins, "" or a missing place for the latest'),
    limit: number("the largest number of checkpoints"),
    part: oneOf(
      ["whole", "metadata", "held"],
      "metadata: place and metadata only; held: also the writes to checkpoints that are not stored",
    ),
  },
  answers: {
    /** `below`: the `below` of the next page, `""` if there is none. `nodes`: names and contents, in turn. */
    page: (below: unknown, hasBefore: unknown, found: unknown, nodes: unknown) => ({
      below: textReply(below),
      hasBefore: textReply(hasBefore) === "1",
      ...foundEntries(list(found)),
      nodes: nodeList(nodes),
    }),
  },
  refusals: ["corrupt-thread", "no-conversation", ...notLive],
  uses: [notAdmitted, checkpointAt, lacksKeys, entryOf, allWrites, collect],
  lua: /* lua */ `
local refusal = notAdmitted(record, sessions, sessionId, conversation)
if refusal then
  return refusal
end
${threadLua}
if redis.call("EXISTS", checkpoints) == 1 and lacksKeys(thread) then
  return { "corrupt-thread" }
end
local score = before ~= "" and redis.call("ZSCORE", arrivals, before)
if score then
  below = "(" .. score
end
local found, references, parts = {}, {}, {}
local looked, skipped, last = 0, 0, nil
local left = true
while left and #found < limit and skipped < ${MAX_SKIPPED} do
  local wanted = math.max(limit - #found, 20)
  local page = redis.call("ZRANGE", arrivals, below, "-inf", "BYSCORE", "REV", "LIMIT", looked, wanted, "WITHSCORES")
  left = #page > 0
  for i = 1, #page, 2 do
    if #found == limit then
      break
    end
    looked = looked + 1
    local place, checkpoint = page[i], nil
    local itsNamespace, itsId = string.match(place, "^([^\\n]*)\\n(.*)$")
    if (anyNamespace or itsNamespace == namespace) and (id == "" or itsId == id) then
      checkpoint = checkpointAt(thread, place)
      if checkpoint == false then
        return { "corrupt-thread" }
      end
    end
    if checkpoint == nil and part == "held" then
      found[#found + 1] = { place, "", "", "", {}, allWrites(thread, place, references), {} }
    elseif not checkpoint then
      skipped = skipped + 1
    elseif part == "metadata" then
      found[#found + 1] = { place, checkpoint.metadata }
    else
      found[#found + 1] = entryOf(thread, place, checkpoint, references)
    end
    last = page[i + 1]
  end
end
collect(thread, references, {}, parts)
return { "page", left and last and "(" .. last or "", score and "1" or "", found, parts }
`,
});
