import { outcome } from "../../replies.js";
import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { stopKey, stopReason } from "../fragments/supersede.js";
import { heldKeys, holdLease, lostLease } from "../fragments/lease.js";

// allow-oom: it writes two short strings, which were there before. A turn that runs must not lose its conversation.
export const renewLeaseScript = defineScript({
  name: "lease.renew",
  about:
    "renews a lease that is still this turn's, or takes it again when it has lapsed and no other turn took it since. Repeating it only renews again.",
  flags: "allow-oom",
  keys: heldKeys,
  optionalKeys: stopKey,
  arguments: {
    token: text("of the turn"),
    duration: text("of the lease in milliseconds"),
  },
  answers: {
    held: nothing,
    lost: nothing,
    stop: (reason: unknown) => ({ reason: outcome(reason, ["stop", "superseded"]) }),
  },
  uses: [lostLease, holdLease, stopReason],
  lua: /* lua */ `
if lostLease(lease, holder, token) then
  return { "lost" }
end
-- A turn that has to stop does not get more time for it.
local reason = stop and stopReason(stop, token)
if reason then
  return { "stop", reason }
end
holdLease(lease, holder, token, duration)
return { "held" }
`,
});
