import { text as textReply } from "../../replies.js";
import { text } from "../../script/arguments.js";
import { fragment } from "../../script/fragment.js";

// The content of a conversation is sealed for its lineage, a random field of its record (sessions/lineage.ts). A writer
// passes "<lineage> <known | new>", which says whether it has read the lineage. A new one is used if the record has
// none.

export const lineageArgument = {
  lineage: text('"<lineage> <known | new>" for which messages or titles are sealed, "" if they are not sealed'),
} as const;

/** The answer to a writer that sealed for another lineage: the lineage of the record, "" for none. */
export const staleLineageAnswer = {
  "stale-lineage": (found: unknown): { found: string } => ({ found: textReply(found) }),
} as const;

/** Returns that answer; otherwise nil. */
export const staleLineage = fragment(/* lua */ `
local function staleLineage(conversation, lineage)
  local id, state = string.match(lineage, "^(%S+) (%S+)$")
  if not id then
    return nil
  end
  local held = redis.call("HGET", conversation, "lineage")
  if held == id or (not held and state == "new") then
    return nil
  end
  return { "stale-lineage", held or "" }
end`);
