import { text, texts } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { concludeWrite, deadlineAfter, exceeded, find, growth, put, refresh } from "../fragments/memory.js";
import { earlier, remember } from "../fragments/operation.js";
import { whole } from "../fragments/time.js";
import { entering, enterLua, limitsLua, writeArguments, writeOnce, writeReplies } from "./space.js";

export const setScript = defineScript({
  name: "memory.set",
  about: "sets one value or several, all or none, once.",
  ...writeOnce,
  arguments: {
    ...writeArguments,
    expected: text('version that the first key must have, "0" when it must not be there, "" for any'),
    lifetime: text('of the values in milliseconds, "0" for none, "" to keep the deadline of each'),
    entries: texts("key, JSON, number of items, …"),
  },
  ...writeReplies,
  refusals: [...writeReplies.refusals, "version"],
  uses: [earlier, remember, ...entering, find, refresh, growth, exceeded, put, deadlineAfter, concludeWrite, whole],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before then
  return before
end
${enterLua}
${limitsLua}

if expected ~= "" then
  local found = find(space, entries[1])
  local actual = found and found.version or 0
  if whole(actual) ~= expected then
    return { "version", whole(actual) }
  end
end
local count, addedBytes, addedKeys, largest = 0, 0, 0, 0
for i = 1, #entries, 3 do
  refresh(space, entries[i])
  local moreBytes, moreKeys = growth(space, entries[i], entries[i + 1])
  count      = count + 1
  addedBytes = addedBytes + moreBytes
  addedKeys  = addedKeys + moreKeys
  largest    = math.max(largest, #entries[i + 1])
end
local over = exceeded(space, limits, count, addedBytes, addedKeys, largest)
if over then
  return over
end

remember(operation, digest, whole(space.version))
for i = 1, #entries, 3 do
  local held = tonumber(redis.call("ZSCORE", deadlines, entries[i]) or 0)
  put(space, entries[i], entries[i + 1], tonumber(entries[i + 2]), deadlineAfter(lifetime, held))
end
concludeWrite(space, ttl, count)
return { "done", whole(space.version) }
`,
});
