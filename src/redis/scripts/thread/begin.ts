import { notLive } from "../../refusals.js";
import { text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { indexOf, isQuestion, places } from "../fragments/positions.js";
import { notAdmitted } from "../fragments/session.js";
import {
  askingArguments,
  askingKeys,
  deletedKey,
  indexKey,
  removeThread,
  threadKeys,
  threadLua,
} from "../fragments/thread.js";
import { partKey, unfinishedTurn } from "../fragments/unfinished.js";
import { untitle } from "../fragments/untitle.js";
import { entries } from "./entries.js";
import { readLua, readUses } from "./read.js";

export const beginThreadScript = defineScript({
  name: "thread.begin",
  about:
    "returns the latest checkpoint of a graph that is about to receive an input. First removes the thread if the turn is repeated or replaces messages. A turn that will be refused leaves the thread as it is.",
  unrecorded: true,
  keys: {
    ...threadKeys,
    ...askingKeys,
    ...deletedKey,
    ...indexKey,
    threads: "sorted set: the owner's threads",
    lease: "string: the token of the turn that holds the conversation",
    messages: "list: the messages of the conversation",
  },
  optionalKeys: partKey,
  arguments: {
    ...askingArguments,
    conversationId: text("the id of the conversation"),
    turn: text('the operation id of the turn that begins, "" for none'),
    replaces: text('the position of the first message that the turn replaces, "" for none'),
  },
  effects: { found: entries },
  refusals: ["conflict", "no-position", "no-question", "corrupt-thread", "no-conversation", ...notLive],
  uses: [notAdmitted, unfinishedTurn, places, indexOf, isQuestion, removeThread, untitle, ...readUses],
  lua: /* lua */ `
local refusal = notAdmitted(record, sessions, sessionId, conversation)
if refusal then
  return refusal
end
${threadLua}
local told = redis.call("HMGET", conversation, "unfinished", "finished")
if turnOperation and (told[2] == turn or redis.call("EXISTS", turnOperation) == 1) then
  return { "conflict" }
end
local note = unfinishedTurn(told[1])
local isNoted = note and note.turn == turn
-- If an earlier run of the turn left parts, the turn replaces these instead.
if replaces ~= "" and not (isNoted and note.parts > 0) then
  local index = indexOf(placesOf(conversation, messages), replaces)
  if not index then
    return { "no-position" }
  elseif not isQuestion(redis.call("LRANGE", messages, index, index)[1]) then
    return { "no-question", "replaces" }
  end
end
-- While another turn holds the conversation, it uses the thread. This turn will wait for it, or be refused.
if (replaces ~= "" or isNoted) and redis.call("EXISTS", lease) == 0 then
  removeThread(checkpoints, arrivals, nodes, counts, deleted)
  redis.call("ZREM", threads, conversationId)
  untitle(conversations, threads, conversation, conversationId)
end
local namespace, places = "", {}
${readLua}`,
});
