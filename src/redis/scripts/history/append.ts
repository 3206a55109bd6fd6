import { defineScript, nothing } from "../../script/define.js";
import { number, text, texts } from "../../script/arguments.js";
import { concludeTurn, heldArguments, heldKeys, lostLease } from "../fragments/lease.js";
import { earlierSealed, keepKey, staleKey } from "../fragments/data-key.js";
import { push } from "../fragments/messages.js";
import { digestArgument, operationKey, remember } from "../fragments/operation.js";
import { refusesPlain } from "../fragments/sealed-only.js";
import { whole } from "../fragments/time.js";
import { noteTurn, partKey, standing, turnArgument, turnOf } from "../fragments/unfinished.js";

// No flags: if Redis is out of memory, it refuses the whole script before it runs. Everything else that could fail is
// checked before the first write.
export const appendScript = defineScript({
  name: "history.append",
  about: "appends a batch of messages, whole and once.",
  keys: {
    messages: "list: the messages, oldest first",
    meta: "hash: the latest clear, a note of the latest turn, and whether all messages are sealed; absent without these",
    ...operationKey,
    ...heldKeys,
  },
  optionalKeys: partKey,
  arguments: {
    ...digestArgument,
    seen: text(
      'the clear that the writer\'s latest read saw, "" for none, "*" if it never read; "new" if there must be no list and no clear',
    ),
    ttl: text('the time to live in milliseconds, "0" for never'),
    cap: number("the number of messages to keep, 0 for all"),
    ...heldArguments,
    ...turnArgument,
    encoded: texts(
      "messages, JSON objects without their closing brace; none ends a turn that has parts; with `turnOperation`, the parts are removed",
    ),
  },
  effects: { appended: nothing, repeated: nothing },
  answers: { occupied: nothing, dropped: nothing },
  refusals: ["conflict", "foreign", "changed", "lease-lost", "sealed-only"],
  seals: true,
  uses: [
    earlierSealed,
    remember,
    staleKey,
    keepKey,
    push,
    lostLease,
    concludeTurn,
    standing,
    noteTurn,
    turnOf,
    refusesPlain,
    whole,
  ],
  lua: /* lua */ `
local before = earlierSealed(operation, digest, dataKey, seal)
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
local held = redis.call("HMGET", meta, "cleared", "unfinished", "finished", "sealed")
local cleared, note = held[1], held[2]
if seen == "new" and (cleared or kind == "list") then
  return { "occupied" }
elseif cleared and seen ~= "*" and seen ~= cleared then
  return { "changed" }
elseif lostLease(lease, holder, token) then
  return { "lease-lost" }
end
local replaced, stay = standing(note, held[3], turnOperation, turn, #encoded)
if not stay then
  concludeTurn(lease, holder, token, after)
  return { replaced }
end
if refusesPlain(held[4], encoded, seal) then
  return { "sealed-only" }
end
local stale = staleKey(dataKey, seal)
if stale then
  return stale
end

remember(operation, digest, "")
keepKey(dataKey, seal)
if replaced > 0 then
  redis.call("LTRIM", messages, 0, whole(-1 - replaced))
end
-- Each entry carries the mark, so that a reader who finds entries needs nothing else to know it.
push(messages, encoded, cap, cleared)
if ttl == "0" then
  redis.call("PERSIST", messages)
else
  redis.call("PEXPIRE", messages, ttl)
end
if note or turn or held[3] then
  noteTurn(meta, note, turnOperation, turn, stay, #encoded)
end
if note or turn or held[3] or held[4] then
  -- The hash lives as long as the messages. The mark of a clear keeps its own time if that is longer.
  if ttl == "0" then
    redis.call("PERSIST", meta)
  else
    redis.call("PEXPIRE", meta, ttl, "GT")
    redis.call("PEXPIRE", meta, ttl, "NX")
  end
end
concludeTurn(lease, holder, token, after)
return { "appended" }
`,
});
