import { notLive } from "../../refusals.js";
import { number, text } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { digestArgument, earlier, operationKey, remember } from "../fragments/operation.js";
import { grace, state, touch } from "../fragments/session.js";
import { now, whole } from "../fragments/time.js";
import { live, sessionKeys } from "./record.js";

// allow-oom: replacing a token is a defence, and must work when memory is short.
export const rotateScript = defineScript({
  name: "session.rotate",
  about: "replaces the secret of a session, if the caller holds the current one.",
  flags: "allow-oom",
  keys: { ...sessionKeys, ...operationKey },
  arguments: {
    ...digestArgument,
    id: text("the id of the session"),
    old: text("the hash of the secret that the caller holds"),
    new: text("the hash of the new secret"),
    attempt: number("the time of the attempt in milliseconds, by the caller's clock"),
  },
  effects: { live },
  refusals: ["conflict", "superseded", "rotated", ...notLive],
  uses: [earlier, remember, state, touch, grace, now, whole],
  lua: /* lua */ `
local before = earlier(operation, digest)
if before and before[1] == "conflict" then
  return before
end
local known = redis.call("HMGET", record, "secret", "previousSecret", "replacedAt")
-- A token of this rotation that never arrived may be replaced, unless somebody has rotated since. An attempt that was
-- given up and runs late may not replace it.
local replaceable = old
if before then
  local latest, issued = string.match(before[2], "^(%S+) (%S+)$")
  if attempt < tonumber(latest) then
    return { "superseded" }
  end
  replaceable = issued
end
if known[1] ~= replaceable then
  return { known[2] == old and now < known[3] + GRACE and "rotated" or "unknown" }
end
local found, session = state(record, index, id)
if found ~= "live" then
  return { found }
end
remember(operation, digest, whole(attempt) .. " " .. new)
redis.call("HSET", record, "secret", new, "previousSecret", old, "replacedAt", whole(now), "rotated", "1")
touch(record, index, session)
return { "live", redis.call("HGETALL", record) }
`,
});
