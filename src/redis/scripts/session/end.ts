import { count } from "../../replies.js";
import { number, oneOf, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";
import { endSession, recordOf, state, unlist } from "../fragments/session.js";
import { markNotBefore, notBeforeKey } from "../fragments/sign-in.js";

const ended = (sessions: unknown): { ended: number } => ({ ended: count(sessions) });

export const endScript = defineScript({
  name: "session.end",
  about: "ends sessions of one owner: one, all, or all but one. After the end of all, earlier sign-ins are refused.",
  flags: "allow-oom",
  keys: {
    index: "sorted set: the owner's sessions, by start",
    ...operationKey,
    record: "hash: the session to end; for all, the index again",
    ...notBeforeKey,
  },
  arguments: {
    ...digestArgument,
    channel: text("the Pub/Sub channel of endings"),
    scope: oneOf(["one", "all"], ""),
    id: text('the id of the session to end; for all, the id of the session to spare, or ""'),
    secret: text('the hash of the secret that the session must have, "" to skip the check'),
    remembered: number("how long older sign-ins stay refused, in milliseconds"),
  },
  effects: { done: ended, repeated: ended },
  counts: ({ outcome, ended: sessions }) => ({ ended: outcome === "done" ? sessions : 0 }),
  refusals: ["conflict"],
  uses: [earlier, remember, state, unlist, endSession, recordOf, markNotBefore],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before then
  return before
end

-- Read every record before the first write: in a slot that is moving, a missing key stops the script here.
local live, stale = {}, {}
local members
if scope == "all" then
  members = redis.call("ZRANGE", index, 0, -1)
elseif secret == "" or redis.call("HGET", record, "secret") == secret then
  members = { id }
else
  return { "done", "0" } -- The token is unknown: do nothing, and remember nothing.
end
local function recordFor(member)
  return scope == "one" and record or recordOf(index, member)
end
for _, member in ipairs(members) do
  if scope == "one" or member ~= id then
    local list = state(recordFor(member), index, member) == "live" and live or stale
    list[#list + 1] = member
  end
end

remember(operation, digest, tostring(#live))
if scope == "all" then
  markNotBefore(notBefore, id, remembered)
end
for _, member in ipairs(stale) do
  unlist(recordFor(member), index, member)
end
for _, member in ipairs(live) do
  endSession(recordFor(member), index, member, "ended", channel)
end
return { "done", tostring(#live) }
`,
});
