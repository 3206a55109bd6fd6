import { count } from "../../replies.js";
import { number, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { endSession, recordOf, state } from "../fragments/session.js";
import { markNotBefore, notBeforeKey } from "../fragments/sign-in.js";

// A repetition finds the mark of the first run.
export const endOwnerScript = defineScript({
  name: "session.end-owner",
  about: "ends all sessions of one owner, unless that has been done since a time.",
  flags: "allow-oom",
  unrecorded: true,
  keys: {
    sessions: "sorted set: the owner's sessions, by start",
    ...notBeforeKey,
  },
  arguments: {
    channel: text("the Pub/Sub channel of endings"),
    remembered: number("how long older sign-ins stay refused, in milliseconds"),
    since: number("the time in milliseconds, by this server's clock"),
  },
  effects: { ended: (sessions: unknown) => ({ sessions: count(sessions) }), "ended-before": () => ({ sessions: 0 }) },
  counts: ({ sessions }) => ({ ended: sessions }),
  uses: [state, endSession, recordOf, markNotBefore],
  lua: /* lua */ `
-- Only the mark of an end that spared no session counts.
local at = string.match(redis.call("GET", notBefore) or "", "^(%d+) $")
if at and tonumber(at) >= since then
  return { "ended-before" }
end
-- Read every record before the first write: in a slot that is moving, a missing key stops the script here.
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
