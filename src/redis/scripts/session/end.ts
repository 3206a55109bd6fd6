import { count } from "../../replies.js";
import { number, oneOf, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";
import { endSession, recordOf, state, unlist } from "../fragments/session.js";
import { markNotBefore, notBeforeKey } from "../fragments/sign-in.js";

const ended = (sessions: unknown): { ended: number } => ({ ended: count(sessions) });

export const endScript = defineScript({
  name: "session.end",
  about: "ends sessions of one owner: one, all, or all but one. After all, sign-ins from before are not good any more.",
  flags: "allow-oom",
  keys: {
    index: "sorted set: the owner's sessions, by start",
    ...operationKey,
    record: "hash: the one to end; the index again for all",
    ...notBeforeKey,
  },
  arguments: {
    ...digestArgument,
    channel: text("on which endings are published"),
    scope: oneOf(["one", "all"], ""),
    id: text('of the one to end; of the one to spare, or ""'),
    secret: text('hash that the one must have, "" for none'),
    remembered: number("milliseconds to remember since when a sign-in has to be newer"),
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

-- Every record is read before the first write: in a slot that is moving, a key that is gone stops the script here.
local live, stale = {}, {}
local members
if scope == "all" then
  members = redis.call("ZRANGE", index, 0, -1)
elseif secret == "" or redis.call("HGET", record, "secret") == secret then
  members = { id }
else
  return { "done", "0" } -- No such token: nothing is done, nothing remembered.
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
