import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { wrappedKey } from "./keep.js";

export const destroyDataKeyScript = defineScript({
  name: "data-key.destroy",
  about: "removes a wrapped data key, if it is the stored one.",
  flags: "allow-oom",
  unrecorded: true,
  keys: wrappedKey,
  arguments: { known: text("the wrapped key") },
  effects: { done: nothing },
  uses: [],
  lua: /* lua */ `
if redis.call("GET", wrapped) == known then
  redis.call("DEL", wrapped)
end
return { "done" }
`,
});
