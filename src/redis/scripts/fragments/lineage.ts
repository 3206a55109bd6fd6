import { text as textReply } from "../../replies.js";
import { text } from "../../script/arguments.js";
import { fragment } from "../../script/fragment.js";

// What a conversation holds is sealed to its lineage, a random field of its record: see sessions/lineage.ts. A writer says
// "<lineage> <known | new>": whether it has read it. A new one counts where the record has none.

export const lineageArgument = {
  lineage: text('"<lineage> <known | new>" to which messages or titles are sealed, "" when they are not'),
} as const;

/** The answer to a writer that sealed to another lineage, with the one that the record has, "" for none. */
export const staleLineageAnswer = {
  "stale-lineage": (found: unknown): { found: string } => ({ found: textReply(found) }),
} as const;

/** Returns that answer, or nil. */
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
