import { notLive } from "../../refusals.js";
import { flag, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import {
  askingArguments,
  askingKeys,
  deletedKey,
  notAdmitted,
  removeThread,
  threadKeys,
  threadLua,
} from "../fragments/thread.js";
import { unfinishedTurn } from "../fragments/unfinished.js";
import { entries } from "./entries.js";
import { readLua, readUses } from "./read.js";

export const beginThreadScript = defineScript({
  name: "thread.begin",
  about:
    "returns the latest checkpoint of a graph that is given an input. First it removes the thread for a turn that is repeated, or that replaces messages.",
  unrecorded: true,
  keys: {
    ...threadKeys,
    ...askingKeys,
    ...deletedKey,
    threads: "sorted set: the owner's threads",
    lease: "string: the token of the turn that holds the conversation",
  },
  arguments: {
    ...askingArguments,
    conversationId: text("of the conversation"),
    turn: text('operation id of the turn that begins, "" for none'),
    replaces: flag("whether the turn replaces messages"),
  },
  effects: { found: entries },
  refusals: ["corrupt-thread", "no-conversation", ...notLive],
  uses: [notAdmitted, unfinishedTurn, removeThread, ...readUses],
  lua: /* lua */ `
local refusal = notAdmitted(record, sessions, sessionId, conversation)
if refusal then
  return refusal
end
${threadLua}
local note = unfinishedTurn(redis.call("HGET", conversation, "unfinished"))
-- A turn that holds the conversation goes on in the thread. This one waits for it, or is refused.
if (replaces or (note and note.turn == turn)) and redis.call("EXISTS", lease) == 0 then
  removeThread(checkpoints, arrivals, nodes, counts, deleted)
  redis.call("ZREM", threads, conversationId)
end
local namespace, places = "", {}
${readLua}`,
});
