import { number } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { keepThread, threadKeys, threadLua } from "../fragments/thread.js";

export const renewThreadScript = defineScript({
  name: "thread.renew",
  about: "gives all keys of a thread a new deadline.",
  flags: "allow-oom",
  keys: threadKeys,
  arguments: { ttl: number("of the thread in milliseconds, 0 for none") },
  answers: { renewed: nothing },
  uses: [keepThread],
  lua: /* lua */ `
${threadLua}
keepThread(thread, ttl)
return { "renewed" }
`,
});
