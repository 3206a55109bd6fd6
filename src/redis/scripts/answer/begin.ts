import { count, text as textReply } from "../../replies.js";
import { notLive } from "../../refusals.js";
import { flag, number, text, texts } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { removalKeys } from "../conversation/remove.js";
import { answerKeys, dropAnswer, settleDead } from "../fragments/answer.js";
import { keepKey, staleKey } from "../fragments/data-key.js";
import { lineageArgument, staleLineage, staleLineageAnswer } from "../fragments/lineage.js";
import { countSaid, dueOf, extend, keepConversation } from "../fragments/extend.js";
import { heldKeys, holdLease, lostLease } from "../fragments/lease.js";
import { digestArgument, earlier, remember } from "../fragments/operation.js";
import { indexOf, isQuestion, places, positionAt } from "../fragments/positions.js";
import { state } from "../fragments/session.js";
import { askToStop, inTheWay, reserve, succeed, supersedingKeys } from "../fragments/supersede.js";
import { removeThread } from "../fragments/thread.js";
import { refusesPlain } from "../fragments/sealed-only.js";
import { microseconds, now, whole } from "../fragments/time.js";
import { noteTurn, standing, turnArgument, turnOf, unfinishedTurn } from "../fragments/unfinished.js";
import { sessionKeys } from "../session/record.js";

/** The number of earlier answers whose ends an answer remembers. */
const FORMER = 8;

/** Where an answer begins. */
export interface AnswerBegun {
  /** The generation of the conversation: its latest clear or removal. */
  readonly generation: string;
  /** The position of the question; `""` if it is not in the conversation. */
  readonly position: string;
  /** The run of the turn. */
  readonly attempt: string;
  /** The position behind the last message, for a question that is kept beside the conversation; otherwise `""`. */
  readonly behind: string;
  /** The number of messages of the question. */
  readonly asked: number;
  /**
   * Whether the thread begins anew, because an earlier run of the turn left parts, or the question replaces messages.
   */
  readonly isAnew: boolean;
}

/** The reply of the script, unless it refuses. */
export type BeginReply =
  | ({ readonly outcome: "done" | "repeated" } & AnswerBegun)
  /** Another turn is running. `operationId` is its operation id, if it is an answer. */
  | { readonly outcome: "busy"; readonly operationId: string }
  /** The running turn was told to stop. `over` is its token. */
  | { readonly outcome: "waiting"; readonly over: string }
  | { readonly outcome: "superseded" };

/** Parses the script's record: words, "-" for none. */
const begun = (recorded: unknown): AnswerBegun => {
  const words = textReply(recorded).split(" ");
  const [generation = "", position = "", attempt = "", behind = ""] = words.map((one) => (one === "-" ? "" : one));
  return { generation, position, attempt, behind, asked: count(words[4] ?? "0"), isAnew: words[5] === "1" };
};

export const beginAnswerScript = defineScript({
  name: "answer.begin",
  about:
    "begins an answer: takes the conversation, appends the question as a part of an unfinished turn, and creates the list of its events. A question that replaces messages is kept beside the conversation. Without a question, a waiting turn goes on.",
  keys: {
    ...sessionKeys,
    ...removalKeys,
    ...heldKeys,
    ...answerKeys,
    ...supersedingKeys,
    turnOperation: "string: the record of the write with the turn's operation id, for a while",
    erased: "sorted set: the owner's conversations that still have to be erased",
  },
  arguments: {
    ...digestArgument,
    ...lineageArgument,
    sessionId: text("the id of the session"),
    conversationId: text("the id of the conversation"),
    token: text("the token of the lease under which the answer runs"),
    run: text("the public name of the answer"),
    over: text('the token of the turn that this one wants to stop, "" at the first try'),
    supersedes: flag("whether to stop a running turn"),
    duration: text("the duration of the lease in milliseconds"),
    ttl: number("the conversation's time to live in milliseconds"),
    followable: number("how long the events can be followed after the end, in milliseconds"),
    cap: number("the number of messages to keep, 0 for all"),
    channel: text("the Pub/Sub channel of the conversation's answers"),
    ...turnArgument,
    replaces: text('the position of the first message that the turn replaces, "" for none'),
    encoded: texts("the question: messages, JSON objects without their closing brace; none for a waiting turn"),
  },
  effects: { done: begun, repeated: begun },
  answers: {
    busy: (operationId: unknown) => ({ operationId: textReply(operationId) }),
    waiting: (over: unknown) => ({ over: textReply(over) }),
    superseded: () => ({}),
    ...staleLineageAnswer,
  },
  seals: true,
  refusals: [
    "conflict",
    "changed",
    "no-conversation",
    "no-position",
    "no-question",
    "lease-lost",
    "sealed-only",
    ...notLive,
  ],
  uses: [
    earlier,
    remember,
    staleKey,
    keepKey,
    staleLineage,
    state,
    inTheWay,
    askToStop,
    reserve,
    succeed,
    lostLease,
    settleDead,
    dropAnswer,
    holdLease,
    turnOf,
    unfinishedTurn,
    standing,
    noteTurn,
    places,
    positionAt,
    indexOf,
    isQuestion,
    refusesPlain,
    dueOf,
    extend,
    keepConversation,
    countSaid,
    removeThread,
    microseconds,
    now,
    whole,
  ],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before then
  local runs = redis.call("HMGET", answer, "token", "end")
  if before[1] ~= "repeated" then
    return before
  elseif runs[1] ~= token or runs[2] or lostLease(lease, holder, token) then
    -- The answer ran and is over, or gave up before. It does not run again, however late this try comes.
    return { "lease-lost" }
  end
  holdLease(lease, holder, token, duration)
  return before
end
local found, session = state(record, index, sessionId)
if found ~= "live" then
  return { found }
end
-- A conversation that is being erased must not be listed again.
if redis.call("ZSCORE", erased, conversationId) then
  return { "changed" }
end
local held = redis.call("HMGET", conversation, "generation", "agentId", "unfinished", "finished", "sealed", "createdAt")
local note = held[3]
local agentId = session[5]
if held[2] and held[2] ~= agentId then
  return { "no-conversation" }
end
local kind = redis.call("TYPE", messages).ok
if kind ~= "list" and kind ~= "none" then
  return redis.error_reply("WRONGTYPE of messages")
end
if held[4] == turn.id or redis.call("EXISTS", turnOperation) == 1 then
  return { "conflict" }
end
local obstacle, holds = inTheWay(lease, successor, token, supersedes, over)
if obstacle == "superseded" then
  remember(operation, digest, "")
  return { obstacle }
elseif obstacle then
  local running = redis.call("HMGET", answer, "token", "operation")
  local operationId = running[1] == holds and running[2] or ""
  if not supersedes or operationId == turn.id then
    remember(operation, digest, "")
    return { "busy", operationId }
  end
  reserve(successor, token)
  askToStop(stop, lease, holds, "superseded", channel)
  return { "waiting", holds }
end

-- From here on, read everything before the first write.
local noted = unfinishedTurn(note)
local isNoted = noted and noted.turn == turn.id
local resumes, asked = #encoded == 0, #encoded
local here = placesOf(conversation, messages)
-- If an earlier run of the turn left parts, the turn replaces these instead.
local beside = replaces ~= "" and not resumes and not (isNoted and noted.parts > 0)
if beside then
  local at = indexOf(here, replaces)
  if not at then
    return { "no-position" }
  elseif not isQuestion(redis.call("LRANGE", messages, at, at)[1]) then
    return { "no-question", "replaces" }
  end
end
local appends = not resumes and not beside
local begins = appends and (kind == "none" or not held[2])
local cutAt, stay, attempt, position, behind, besides = here.length, 0, turn.attempt, "-", "-", {}
local startedAt = whole(now)
if appends then
  local replaced
  replaced, stay = standing(note, held[4], turnOperation, turn, asked)
  cutAt = math.max(0, here.length - replaced)
  position = positionAt(here, cutAt)
  if begins or cutAt < here.length then
    position = whole(microseconds) .. "-" .. whole(here.first + cutAt)
  end
elseif beside then
  behind = positionAt(here, here.length)
  local tail, kept = ',"at":' .. startedAt .. "}", {}
  for i, message in ipairs(encoded) do
    kept[i] = #message + #tail .. ":" .. message .. tail
  end
  kept = table.concat(kept)
  besides = { "question", kept, "replaces", replaces, "behind", behind }
else
  -- A waiting turn keeps its run, and what the answer holds of its question.
  attempt = isNoted and noted.attempt or attempt
  local known = redis.call("HMGET", answer, "operation", "attempt", "asked", "position", "startedAt", "question", "replaces", "behind")
  if known[1] == turn.id then
    attempt, asked, position, startedAt = known[2], tonumber(known[3]), known[4], known[5]
    if known[6] then
      behind = known[8]
      besides = { "question", known[6], "replaces", known[7], "behind", behind }
    end
  end
end
if refusesPlain(held[5], encoded, seal) then
  return { "sealed-only" }
end
local stale = staleKey(dataKey, seal) or staleLineage(conversation, lineage)
if stale then
  return stale
end
local due = dueOf(conversations, conversationId, ttl)
local isAnew = not resumes and (beside or isNoted)
local recorded = table.concat({ held[1] or "-", position, attempt, behind, asked, isAnew and "1" or "0" }, " ")

remember(operation, digest, recorded)
keepKey(dataKey, seal)
settleDead(answer, events, lease, holder, channel)
local latest = redis.call("HMGET", answer, "run", "end", "endedAt", "former")
local former = latest[4] or ""
if latest[1] and latest[2] then
  local last = table.concat({ latest[1], latest[2], latest[3] ~= "" and latest[3] or "-" }, " ") .. ";"
  former = last .. string.match(former, "^" .. string.rep("[^;]*;?", ${FORMER - 1}))
end
local keys = { conversation = conversation, messages = messages, conversations = conversations, createdAt = held[6] }
if appends then
  extend(keys, here, cutAt, begins, encoded, cap, lineage)
  noteTurn(conversation, note, turnOperation, turn, stay, asked)
end
if isAnew then
  removeThread(checkpoints, arrivals, nodes, counts, deleted)
  redis.call("ZREM", threads, conversationId)
end
dropAnswer(answer, events, channel)
succeed(successor, token, supersedes)
local fields = {
  "token", token, "run", run, "operation", turn.id, "attempt", attempt, "asked", whole(asked), "position", position,
  "startedAt", startedAt, "ttl", whole(followable), "open", whole(now + duration), "former", former,
}
for _, field in ipairs(besides) do
  fields[#fields + 1] = field
end
redis.call("HSET", answer, unpack(fields))
redis.call("PEXPIRE", answer, whole(ttl))
redis.call("RPUSH", events, "")
redis.call("PEXPIRE", events, whole(followable + duration))
holdLease(lease, holder, token, duration)
keepConversation(keys, conversationId, agentId, due, ttl)
countSaid(record, index, session, #encoded, 0)
return { "done", recorded }
`,
});
