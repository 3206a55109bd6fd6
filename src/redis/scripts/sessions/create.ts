import { OPERATION_WINDOW_MILLISECONDS } from "../../operation.js";
import { list, outcome, text, textList } from "../../replies.js";
import { defineScript, type Script } from "../../script.js";
import {
  type AuthenticatedAt,
  authenticatedArgument,
  notBeforeLua,
  operationLua,
  sessionLua,
  timeLua,
} from "../fragments.js";

const lua = /* lua */ `#!lua
--[[
Creates a session, and ends the oldest ones beyond the limit.

KEYS[1]  index          sorted set of the owner's sessions, by start
KEYS[2]  record         of the new session
KEYS[3]  conversation   that it points at
KEYS[4]  conversations  sorted set of the owner's, by last activity
KEYS[5]  operation
KEYS[6]  notBefore      since when a sign-in has to be newer

ARGV[1]  digest        of the creation
ARGV[2]  window        milliseconds to remember the operation
ARGV[3]  id            of the new session
ARGV[4]  limit         how many live sessions the owner may have
ARGV[5]  atLimit       "end-oldest" | "reject"
ARGV[6]  idle          timeout in milliseconds
ARGV[7]  lifetime      in milliseconds
ARGV[8]  continues     id of the conversation, when it has to exist already with this agent; else ""
ARGV[9]  agentId
ARGV[10] channel       on which endings are published
ARGV[11] secret        hash of the new session's secret
ARGV[12] attempt       when it was made, by the caller's clock in milliseconds
ARGV[13] authenticated second in which the user signed in, "unknown", or "" for not compared
ARGV[14…] fields       name, value, …

returns  { "created", ended ids, fields }
       | { "limit" | "no-conversation" | "conflict" | "superseded" | "authenticate" }
       | { "unknown" | "ended" | "evicted" | "expired" | "rotated" }  of the session that a repetition finds
--]]
${timeLua}${sessionLua}${operationLua}${notBeforeLua}
local index         = KEYS[1]
local record        = KEYS[2]
local conversation  = KEYS[3]
local conversations = KEYS[4]
local operation     = KEYS[5]
local digest        = ARGV[1]
local window        = ARGV[2]
local id            = ARGV[3]
local limit         = tonumber(ARGV[4])
local atLimit       = ARGV[5]
local idle          = ARGV[6]
local lifetime      = ARGV[7]
local continues     = ARGV[8]
local agentId       = ARGV[9]
local channel       = ARGV[10]
local secret        = ARGV[11]
local attempt       = tonumber(ARGV[12])
local authenticated = ARGV[13]

if mustAuthenticate(KEYS[6], authenticated, "") then
  return { "authenticate" }
end
local before = earlier(operation, digest)
if before and before[1] == "conflict" then
  return { "conflict" }
elseif before then
  -- The token of the attempt before never arrived: this one's takes its place, on the session that was made then. An
  -- attempt that was given up and runs late changes nothing, nor does one that the client sends again.
  local latest, first, endedThen = string.match(before[2], "^(%S+) (%S+) ?(.*)$")
  if attempt < tonumber(latest) then
    return { "superseded" }
  end
  local made = recordOf(index, first)
  local found = state(made, index, first)
  if found ~= "live" then
    return { found }
  end
  -- Rotated since: its token had arrived, and what replaces it must stay.
  if redis.call("HEXISTS", made, "rotated") == 1 then
    return { "rotated" }
  end
  remember(operation, digest, window, whole(attempt) .. " " .. first .. " " .. endedThen)
  -- The holder of the token before, if it did arrive, is told that it was replaced.
  local old = redis.call("HGET", made, "secret")
  if old ~= secret then
    redis.call("HSET", made, "secret", secret, "previousSecret", old, "replacedAt", whole(now))
  end
  return { "created", endedThen, redis.call("HGETALL", made) }
end
if continues ~= "" and not canContinue(conversations, conversation, continues, agentId) then
  return { "no-conversation" }
end

-- Every record is read before the first write: in a slot that is moving, a key that is gone stops the script here.
local live, stale = {}, {}
local members = redis.call("ZRANGE", index, 0, -1, "WITHSCORES")
for i = 1, #members, 2 do
  local list = state(recordOf(index, members[i]), index, members[i]) == "live" and live or stale
  list[#list + 1] = members[i]
end
for _, member in ipairs(stale) do
  unlist(recordOf(index, member), index, member)
end
if #live >= limit and atLimit == "reject" then
  return { "limit" }
end

local ended = {}
for i = 1, #live - limit + 1 do
  ended[i] = live[i]
end
local endedIds = table.concat(ended, " ")
remember(operation, digest, window, whole(attempt) .. " " .. id .. " " .. endedIds)
for _, member in ipairs(ended) do
  finish(recordOf(index, member), index, member, "evicted", channel)
end
redis.call("HSET", record, unpack(ARGV, 14))
redis.call("HSET", record, "secret", secret, "startedAt", whole(now), "idle", idle, "until", whole(now + lifetime))
local latest = tonumber(members[#members]) or 0
redis.call("ZADD", index, whole(math.max(microseconds, latest + 1)), id)
touch(record, index)
return { "created", endedIds, redis.call("HGETALL", record) }
`;

export interface CreateSession {
  readonly operationId: string;
  readonly keys: {
    readonly index: string;
    readonly record: string;
    readonly conversation: string;
    readonly conversations: string;
    readonly operation: string;
    readonly notBefore: string;
  };
  readonly digest: string;
  readonly id: string;
  readonly limit: number;
  readonly atLimit: "end-oldest" | "reject";
  readonly idleMilliseconds: number;
  readonly lifetimeMilliseconds: number;
  /** `""`: the conversation need not exist. */
  readonly continues: string;
  readonly agentId: string;
  readonly channel: string;
  readonly secretHash: string;
  /** Milliseconds since 1970. */
  readonly attempt: number;
  readonly authenticatedAt: AuthenticatedAt;
  /** Name, value, name, value … */
  readonly fields: readonly string[];
}

const refusals = [
  "limit",
  "no-conversation",
  "conflict",
  "superseded",
  "authenticate",
  "unknown",
  "ended",
  "evicted",
  "expired",
  "rotated",
] as const;

export type CreateRefusal = (typeof refusals)[number];

export type CreateOutcome =
  | { readonly ended: readonly string[]; readonly record: readonly string[] }
  | { readonly outcome: CreateRefusal };

export const createScript: Script<CreateSession, CreateOutcome> = defineScript({
  lua,
  keys: ({ keys }) => [keys.index, keys.record, keys.conversation, keys.conversations, keys.operation, keys.notBefore],
  arguments: (input) => [
    input.digest,
    String(OPERATION_WINDOW_MILLISECONDS),
    input.id,
    String(input.limit),
    input.atLimit,
    String(input.idleMilliseconds),
    String(input.lifetimeMilliseconds),
    input.continues,
    input.agentId,
    input.channel,
    input.secretHash,
    String(input.attempt),
    authenticatedArgument(input.authenticatedAt),
    ...input.fields,
  ],
  reply: (reply) => {
    const [first, ended, record] = list(reply);
    if (first !== "created") return { outcome: outcome(first, refusals) };
    const ids = text(ended);
    return { ended: ids === "" ? [] : ids.split(" "), record: textList(record) };
  },
});
