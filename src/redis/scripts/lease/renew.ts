import { outcome } from "../../replies.js";
import { text } from "../../script/arguments.js";
import { defineScript, nothing } from "../../script/define.js";
import { stopKey, stopReason } from "../fragments/supersede.js";
import { heldKeys, holdLease, lostLease } from "../fragments/lease.js";

// allow-oom: the script only writes two short strings again, and a running turn must not lose its conversation.
export const renewLeaseScript = defineScript({
  name: "lease.renew",
  about:
    "renews the lease of this turn, or takes it again if it has expired and no other turn has taken it since. Repeating it only renews again.",
  flags: "allow-oom",
  keys: heldKeys,
  optionalKeys: stopKey,
  arguments: {
    token: text("the token of the turn"),
    duration: text("the duration of the lease in milliseconds"),
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
-- A turn that has to stop gets no more time.
local reason = stop and stopReason(stop, token)
if reason then
  return { "stop", reason }
end
holdLease(lease, holder, token, duration)
return { "held" }
`,
});
