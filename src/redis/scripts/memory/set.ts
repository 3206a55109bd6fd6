import { flag, text, texts } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { earlierSealed, keepKey } from "../fragments/data-key.js";
import { concludeWrite, deadlineAfter, exceeded, find, growth, put, refresh, sizeOf } from "../fragments/memory.js";
import { remember } from "../fragments/operation.js";
import { earlierNumber, rememberNumber } from "../fragments/padded.js";
import { whole } from "../fragments/time.js";
import { enteringWrite, enterWriteLua, limitsLua, writeArguments, writeOnce, writeReplies } from "./space.js";

// To append to a sealed value, or to add to it, the caller reads the value and sets the result if the version is still
// the same. The operation is the append. It may have been done before, and then its result counts, whatever the caller
// has just read. So the caller asks here, and not earlier, whether the value that it read is to be refused.

export const setScript = defineScript({
  name: "memory.set",
  about: "sets one or several values, all or none, once.",
  ...writeOnce,
  arguments: {
    ...writeArguments,
    expected: text('the version that the first key must have, "0" if it must not exist, "" for any'),
    lifetime: text('the lifetime of the values in milliseconds, "0" for none, "" to keep the deadline of each'),
    unfit: flag("whether the expected version is unfit for the caller's change: then nothing is set"),
    result: text('the result to return, a number or sealed; "" for the version'),
    fresh: text('the secret of a pad, for a namespace that has none; "" if the result is not a number'),
    entries: texts("for each value: key, value, number of items"),
  },
  ...writeReplies,
  answers: { ...writeReplies.answers, unfit: nothing },
  refusals: [...writeReplies.refusals, "version"],
  uses: [
    earlierSealed,
    earlierNumber,
    remember,
    rememberNumber,
    ...enteringWrite,
    find,
    refresh,
    growth,
    sizeOf,
    exceeded,
    keepKey,
    put,
    deadlineAfter,
    concludeWrite,
    whole,
  ],
  lua: /* lua */ `
local before
if fresh == "" then
  before = earlierSealed(operation, digest, dataKey, seal)
else
  before = earlierNumber(operation, digest, writes)
end
if before then
  return before
end
${enterWriteLua}
${limitsLua}

if expected ~= "" then
  local found = find(space, entries[1])
  local actual = found and found.version or 0
  if whole(actual) ~= expected then
    return { "version", whole(actual) }
  end
end
if unfit then
  return { "unfit" }
end
local count, addedBytes, addedKeys, largest = 0, 0, 0, 0
for i = 1, #entries, 3 do
  refresh(space, entries[i])
  local moreBytes, moreKeys = growth(space, entries[i], entries[i + 1])
  count      = count + 1
  addedBytes = addedBytes + moreBytes
  addedKeys  = addedKeys + moreKeys
  largest    = math.max(largest, sizeOf(entries[i + 1], 1))
end
local over = exceeded(space, limits, count, addedBytes, addedKeys, largest)
if over then
  return over
end

if fresh == "" then
  remember(operation, digest, result == "" and whole(space.version) or result)
else
  rememberNumber(operation, digest, writes, tonumber(result), fresh)
end
-- Store the key before the values that it seals.
keepKey(dataKey, seal)
for i = 1, #entries, 3 do
  local held = tonumber(redis.call("ZSCORE", deadlines, entries[i]) or 0)
  put(space, entries[i], entries[i + 1], tonumber(entries[i + 2]), deadlineAfter(lifetime, held))
end
concludeWrite(space, ttl, count)
return { "done", whole(space.version) }
`,
});
