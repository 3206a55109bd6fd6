import { number } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { keepKey, staleKey } from "../fragments/data-key.js";
import { keepThread, threadKeys, threadLua } from "../fragments/thread.js";

export const renewThreadScript = defineScript({
  name: "thread.renew",
  about: "gives all keys of a thread a new deadline.",
  flags: "allow-oom",
  seals: true,
  keys: threadKeys,
  arguments: { ttl: number("the thread's time to live in milliseconds, 0 for none") },
  answers: { renewed: nothing },
  uses: [staleKey, keepThread, keepKey],
  lua: /* lua */ `
${threadLua}
local stale = staleKey(dataKey, seal)
if stale then
  return stale
end
keepThread(thread, ttl)
keepKey(dataKey, seal)
return { "renewed" }
`,
});
