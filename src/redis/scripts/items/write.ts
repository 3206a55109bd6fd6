import { flag } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { keepKey, staleKey } from "../fragments/data-key.js";
import {
  putArguments,
  refusals,
  refuseLua,
  removalsArgument,
  spaceLua,
  writeArguments,
  writeEffects,
  writeOnce,
  writing,
} from "./space.js";

export const writeItemsScript = defineScript({
  name: "items.write",
  about: "stores and removes items of one partition, all or none, once.",
  ...writeOnce,
  seals: true,
  arguments: {
    ...writeArguments,
    named: flag("whether the partition is listed, if it belongs to no session"),
    ...putArguments,
    ...removalsArgument,
  },
  effects: writeEffects,
  /** The partition is empty, so it may not be listed. List it, and call the script again. */
  answers: { unlisted: nothing },
  refusals: ["conflict", ...refusals],
  uses: [staleKey, keepKey, ...writing],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before then
  return before
end
${refuseLua}
local stale = staleKey(dataKey, seal)
if stale then
  return stale
end
${spaceLua}
enter(space)
if not record and not named and redis.call("EXISTS", namespaces) == 0 then
  return { "unlisted" }
end
remember(operation, digest, "")
keepKey(dataKey, seal)
for _, field in ipairs(removals) do
  drop(space, field)
end
local deadline = ttl > 0 and now + ttl or 0
for i = 1, #puts, 2 do
  put(space, puts[i], puts[i + 1], deadline)
end
settle(space)
renewSession(space)
return { "done" }
`,
});
