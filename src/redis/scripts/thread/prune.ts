import { count } from "../../replies.js";
import { notLive } from "../../refusals.js";
import { defineScript } from "../../script/define.js";
import { notAdmitted } from "../fragments/session.js";
import {
  askingArguments,
  askingKeys,
  isDamaged,
  keepArgument,
  prune,
  threadKeys,
  threadLua,
} from "../fragments/thread.js";

/** The largest number of checkpoints that one step removes, so that no step blocks Redis for long. */
const STEP = 200;

export const pruneThreadScript = defineScript({
  name: "thread.prune",
  about: "removes some of the oldest checkpoints, and returns the number.",
  flags: "allow-oom",
  unrecorded: true,
  keys: threadKeys,
  optionalKeys: askingKeys,
  arguments: { ...askingArguments, ...keepArgument },
  effects: { pruned: (removed: unknown) => ({ removed: count(removed) }) },
  refusals: ["corrupt-thread", "no-conversation", ...notLive],
  uses: [notAdmitted, isDamaged, prune],
  lua: /* lua */ `
local refusal = notAdmitted(record, sessions, sessionId, conversation)
if refusal then
  return refusal
end
${threadLua}
if redis.call("EXISTS", checkpoints) == 1 and isDamaged(thread) then
  return { "corrupt-thread" }
end
return { "pruned", prune(thread, keep, ${STEP}, false) }
`,
});
