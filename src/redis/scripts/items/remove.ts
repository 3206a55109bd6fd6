import { defineScript } from "../../script/define.js";
import {
  refusals,
  refuseLua,
  removalsArgument,
  removing,
  spaceLua,
  writeArguments,
  writeEffects,
  writeOnce,
} from "./space.js";

export const removeItemsScript = defineScript({
  name: "items.remove",
  about: "removes items of one partition, once.",
  flags: "allow-oom",
  ...writeOnce,
  arguments: { ...writeArguments, ...removalsArgument },
  effects: writeEffects,
  refusals: ["conflict", ...refusals],
  uses: removing,
  lua: /* lua */ `
local before = earlier(operation, digest)
if before then
  return before
end
${refuseLua}
${spaceLua}
enter(space)
remember(operation, digest, "")
for _, field in ipairs(removals) do
  drop(space, field)
end
settle(space)
renewSession(space)
return { "done" }
`,
});
