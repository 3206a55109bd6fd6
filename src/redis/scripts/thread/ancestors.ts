import { list, text as textReply } from "../../replies.js";
import type { Stored } from "../../sealing.js";
import { notLive } from "../../refusals.js";
import { number, text, texts } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { notAdmitted } from "../fragments/session.js";
import {
  allWrites,
  askingArguments,
  askingKeys,
  checkpointAt,
  collect,
  lacksKeys,
  threadKeys,
  threadLua,
} from "../fragments/thread.js";
import { type TaskWrites, taskWrites, type ValueEntry, valueEntries } from "./entries.js";
import { nodeList } from "./parts.js";

/** The writes and values that an ancestor has for some channels. */
export interface Ancestor {
  readonly place: string;
  readonly tasks: readonly TaskWrites[];
  /** The values that end the walk of their channels. */
  readonly values: readonly ValueEntry[];
}

export const ancestorsScript = defineScript({
  name: "thread.ancestors",
  about: "walks from a checkpoint to its ancestors, until each channel has a value. Returns the writes on the way.",
  flags: "no-writes",
  keys: threadKeys,
  optionalKeys: askingKeys,
  arguments: {
    ...askingArguments,
    namespace: text("the namespace whose latest checkpoint is used if `place` is empty"),
    place: text('the place of the checkpoint at whose parent the walk begins, "" for the latest'),
    most: number("the largest number of ancestors to look at"),
    channels: texts("the channels whose values to find"),
  },
  answers: {
    /** `last`: the place from which the walk goes on, `""` at its end. `nodes`: names and contents, in turn. */
    walked: (
      last: unknown,
      ancestors: unknown,
      nodes: unknown,
    ): { last: string; ancestors: Ancestor[]; nodes: readonly Stored[] } => ({
      last: textReply(last),
      ancestors: list(ancestors).map((one): Ancestor => {
        const [itsPlace, tasks, values] = list(one);
        return { place: textReply(itsPlace), tasks: taskWrites(tasks), values: valueEntries(values) };
      }),
      nodes: nodeList(nodes),
    }),
  },
  refusals: ["corrupt-thread", "no-conversation", ...notLive],
  uses: [notAdmitted, checkpointAt, lacksKeys, allWrites, collect],
  lua: /* lua */ `
local refusal = notAdmitted(record, sessions, sessionId, conversation)
if refusal then
  return refusal
end
${threadLua}
if redis.call("EXISTS", checkpoints) == 0 then
  return { "walked", "", {}, {} }
elseif lacksKeys(thread) then
  return { "corrupt-thread" }
end
local wanted, open = {}, #channels
for _, channel in ipairs(channels) do
  wanted[channel] = true
end
if place == "" then
  place = redis.call("HGET", checkpoints, "l" .. namespace) or ""
end
local checkpoint = checkpointAt(thread, place)
local ancestors, references, parts = {}, {}, {}
while checkpoint and open > 0 and #ancestors < most do
  place = checkpoint.parent
  checkpoint = checkpointAt(thread, place)
  if checkpoint then
    local tasks, values = {}, {}
    for _, writes in ipairs(allWrites(thread, place, {})) do
      local some = { writes[1], writes[2] }
      for i = 3, #writes, 3 do
        if wanted[writes[i + 1]] then
          some[#some + 1], some[#some + 2], some[#some + 3] = writes[i], writes[i + 1], writes[i + 2]
          references[#references + 1] = writes[i + 2]
        end
      end
      tasks[#tasks + 1] = some
    end
    for i = 1, #checkpoint.references, 3 do
      local channel, reference = checkpoint.references[i], checkpoint.references[i + 2]
      if wanted[channel] then
        wanted[channel] = nil
        open = open - 1
        values[#values + 1] = channel
        values[#values + 1] = checkpoint.references[i + 1]
        values[#values + 1] = reference
        references[#references + 1] = reference
      end
    end
    ancestors[#ancestors + 1] = { place, tasks, values }
  end
end
if checkpoint == false then
  return { "corrupt-thread" }
end
collect(thread, references, {}, parts)
return { "walked", checkpoint and open > 0 and place or "", ancestors, parts }
`,
});
