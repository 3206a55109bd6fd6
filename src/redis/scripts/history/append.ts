import { defineScript, nothing } from "../../script/define.js";
import { number, text, texts } from "../../script/arguments.js";
import { concludeTurn, heldArguments, heldKeys, lostLease } from "../fragments/lease.js";
import { push } from "../fragments/messages.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";

// No flags: Redis refuses the whole script when it is out of memory, before it runs. What else could fail is checked
// before the first write.
export const appendScript = defineScript({
  name: "history.append",
  about: "appends a batch of messages, whole, once.",
  keys: {
    messages: "list, oldest first",
    meta: "hash, there only after a clear",
    ...operationKey,
    ...heldKeys,
  },
  arguments: {
    ...digestArgument,
    seen: text(
      'the clear that the writer\'s latest read saw, "" for none, "*" when it never read; "new" when there must be no list and no clear at all',
    ),
    ttl: text('milliseconds, "0" for never'),
    cap: number("how many messages to keep, 0 for all"),
    ...heldArguments,
    encoded: texts("messages, JSON objects without their closing brace"),
  },
  effects: { appended: nothing, repeated: nothing },
  answers: { occupied: nothing },
  refusals: ["conflict", "foreign", "changed", "lease-lost"],
  uses: [earlier, remember, push, lostLease, concludeTurn],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before then
  if before[1] == "repeated" then
    concludeTurn(lease, holder, token, after)
  end
  return before
end
local kind = redis.call("TYPE", messages).ok
if kind ~= "list" and kind ~= "none" then
  return { "foreign" }
end
local cleared = redis.call("HGET", meta, "cleared")
if seen == "new" and (cleared or kind == "list") then
  return { "occupied" }
elseif cleared and seen ~= "*" and seen ~= cleared then
  return { "changed" }
elseif lostLease(lease, holder, token) then
  return { "lease-lost" }
end

remember(operation, digest, "")
push(messages, encoded, cap)
if ttl == "0" then
  redis.call("PERSIST", messages)
else
  redis.call("PEXPIRE", messages, ttl)
end
concludeTurn(lease, holder, token, after)
return { "appended" }
`,
});
