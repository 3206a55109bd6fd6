import { oneOf, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { concludeWrite, drop, refresh } from "../fragments/memory.js";
import { earlier, remember } from "../fragments/operation.js";
import { whole } from "../fragments/time.js";
import { enteringWrite, enterWriteLua, readRefusals, removalArguments, writeOnce, writeReplies } from "./space.js";

// Limits do not apply to removals.
export const removeValuesScript = defineScript({
  name: "memory.remove",
  about: "removes one value, or all values of the namespace, once. The count of today's writes stays.",
  flags: "allow-oom",
  ...writeOnce,
  arguments: {
    ...removalArguments,
    scope: oneOf(["one", "all"], ""),
    key: text("the key of the value, if the scope is one"),
  },
  effects: writeReplies.effects,
  refusals: ["conflict", ...readRefusals],
  uses: [earlier, remember, ...enteringWrite, refresh, drop, concludeWrite, whole],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before then
  return before
end
${enterWriteLua}

if scope == "one" then
  refresh(space, key)
end
local there = scope == "one" and redis.call("HEXISTS", values, key) or redis.call("EXISTS", values)
remember(operation, digest, whole(there))
if scope == "all" then
  redis.call("UNLINK", values, deadlines, usage)
elseif there == 1 then
  drop(space, key)
end
concludeWrite(space, ttl, 0)
return { "done", whole(there) }
`,
});
