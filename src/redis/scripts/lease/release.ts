import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { heldKeys, releaseLease } from "../fragments/lease.js";
import { giveUp, successorKey } from "../fragments/supersede.js";

export const releaseLeaseScript = defineScript({
  name: "lease.release",
  about: "gives back the lease, if it is this turn's, and its place in the line. Repeating it does nothing.",
  flags: "allow-oom",
  keys: {
    ...heldKeys,
    waiting: 'sorted set: "<ticket>:<token>"',
  },
  optionalKeys: successorKey,
  arguments: { token: text("of the turn") },
  answers: { released: nothing },
  uses: [releaseLease, giveUp],
  lua: /* lua */ `
-- By the token: a turn that gives up before the first reply has no ticket to show.
local waiters = redis.call("ZRANGE", waiting, 0, -1)
releaseLease(lease, holder, token)
for _, waiter in ipairs(waiters) do
  if string.sub(waiter, 18) == token then
    redis.call("ZREM", waiting, waiter)
  end
end
if successor then
  local before = redis.call("GET", successor)
  if before and string.find(before, token, 1, true) then
    giveUp(successor, token)
  end
end
return { "released" }
`,
});
