import { outcome, storedList, text, textList } from "../../replies.js";
import { keptQuestion } from "../fragments/answer.js";
import { defineScript, nothing } from "../../script/define.js";

/** The states of an answer: running, or how it ended. */
const STATES = ["running", "stored", "interrupted", "stopped", "superseded", "waiting", "failed"] as const;

export const heldAnswerScript = defineScript({
  name: "answer.held",
  about: "returns the latest answer of a conversation, for an export. It settles nothing.",
  flags: "no-writes",
  keys: {
    answer: "hash: the latest answer of the conversation",
    conversation: "hash: the conversation",
    lease: "string: the turn that holds the conversation",
  },
  arguments: {},
  answers: {
    none: nothing,
    found: (fields: unknown, lineage: unknown, question: unknown) => {
      const [state = "", operationId = "", startedAt = "", position = "", replaces = ""] = textList(fields);
      const entries = storedList(question);
      return {
        state: outcome(state, STATES),
        operationId,
        startedAt,
        position,
        replaces,
        lineage: text(lineage),
        entries,
      };
    },
  },
  uses: [keptQuestion],
  lua: /* lua */ `
local fields = redis.call("HMGET", answer, "token", "end", "operation", "startedAt", "position", "replaces", "question")
if not fields[1] or not fields[3] then
  return { "none" }
end
-- An answer whose producer is dead may not be settled yet, if no script has looked at it since.
local how = fields[2] or redis.call("GET", lease) == fields[1] and "running" or "interrupted"
local position = fields[5] ~= "-" and fields[5] or ""
local lineage = redis.call("HGET", conversation, "lineage") or ""
return { "found", { how, fields[3], fields[4] or "0", position, fields[6] or "" }, lineage, keptQuestion(fields[7] or "") }
`,
});
