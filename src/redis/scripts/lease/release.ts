import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { heldKeys, releaseLease } from "../fragments/lease.js";
import { giveUp, successorKey } from "../fragments/supersede.js";

export const releaseLeaseScript = defineScript({
  name: "lease.release",
  about: "releases the lease, if this turn has it, and the turn's place in the queue. It is safe to repeat.",
  flags: "allow-oom",
  keys: {
    ...heldKeys,
    waiting: 'sorted set: "<ticket>:<token>" of waiting turns',
  },
  optionalKeys: successorKey,
  arguments: { token: text("the token of the turn") },
  answers: { released: nothing },
  uses: [releaseLease, giveUp],
  lua: /* lua */ `
-- Find the place by the token, because a turn that gives up before its first reply has no ticket.
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
