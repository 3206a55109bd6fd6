import { count } from "../../replies.js";
import { number, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { endSession, recordOf, state } from "../fragments/session.js";
import { markNotBefore, notBeforeKey } from "../fragments/sign-in.js";

// Repeating it finds the mark of the first time.
export const endOwnerScript = defineScript({
  name: "session.end-owner",
  about: "ends all sessions of one owner among many, unless that was done since a time.",
  flags: "allow-oom",
  unrecorded: true,
  keys: {
    sessions: "sorted set: the owner's, by start",
    ...notBeforeKey,
  },
  arguments: {
    channel: text("on which endings are published"),
    remembered: number("milliseconds to remember since when a sign-in has to be newer"),
    since: number("milliseconds, by this server's clock"),
  },
  effects: { ended: (sessions: unknown) => ({ sessions: count(sessions) }), "ended-before": () => ({ sessions: 0 }) },
  counts: ({ sessions }) => ({ ended: sessions }),
  uses: [state, endSession, recordOf, markNotBefore],
  lua: /* lua */ `
-- All, and nobody spared.
local at = string.match(redis.call("GET", notBefore) or "", "^(%d+) $")
if at and tonumber(at) >= since then
  return { "ended-before" }
end
-- Every record is read before the first write: in a slot that is moving, a key that is gone stops the script here.
local live = {}
for _, member in ipairs(redis.call("ZRANGE", sessions, 0, -1)) do
  if state(recordOf(sessions, member), sessions, member) == "live" then
    live[#live + 1] = member
  end
end
markNotBefore(notBefore, "", remembered)
for _, member in ipairs(live) do
  endSession(recordOf(sessions, member), sessions, member, "ended", channel)
end
redis.call("DEL", sessions)
return { "ended", #live }
`,
});
