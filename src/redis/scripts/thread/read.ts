import { notLive } from "../../refusals.js";
import { text, texts } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { notAdmitted } from "../fragments/session.js";
import {
  askingArguments,
  askingKeys,
  checkpointAt,
  collect,
  entryOf,
  lacksKeys,
  threadKeys,
  threadLua,
} from "../fragments/thread.js";
import { entries } from "./entries.js";

/** The Lua that returns the checkpoints of `places`, or the latest of `namespace`. */
export const readLua = /* lua */ `
if redis.call("EXISTS", checkpoints) == 0 then
  return { "found", {}, {} }
elseif lacksKeys(thread) then
  return { "corrupt-thread" }
end
if #places == 0 then
  places = { redis.call("HGET", checkpoints, "l" .. namespace) or nil }
end
local found, references = {}, {}
for _, place in ipairs(places) do
  local checkpoint = checkpointAt(thread, place)
  if checkpoint == false then
    return { "corrupt-thread" }
  elseif checkpoint then
    found[#found + 1] = entryOf(thread, place, checkpoint, references)
  end
end
local parts = {}
collect(thread, references, {}, parts)
return { "found", found, parts }
`;

/** The fragments that `readLua` uses. */
export const readUses = [checkpointAt, lacksKeys, entryOf, collect] as const;

export const readCheckpointsScript = defineScript({
  name: "thread.read",
  about: "returns checkpoints with their values. Leaves out missing ones.",
  flags: "no-writes",
  keys: threadKeys,
  optionalKeys: askingKeys,
  arguments: {
    ...askingArguments,
    namespace: text("the namespace whose latest checkpoint to return if there are no places"),
    places: texts("the places of the checkpoints"),
  },
  answers: { found: entries },
  refusals: ["corrupt-thread", "no-conversation", ...notLive],
  uses: [notAdmitted, ...readUses],
  lua: /* lua */ `
local refusal = notAdmitted(record, sessions, sessionId, conversation)
if refusal then
  return refusal
end
${threadLua}
${readLua}`,
});
