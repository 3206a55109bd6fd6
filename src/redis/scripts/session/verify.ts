import { notLive } from "../../refusals.js";
import { text, texts } from "../../script/arguments.js";
import { defineScript } from "../../script/define.js";
import { disguised, grace, state, touch } from "../fragments/session.js";
import { AUTHENTICATED, mustAuthenticate, notBeforeKey } from "../fragments/sign-in.js";
import { now } from "../fragments/time.js";
import { live, sessionKeys } from "./record.js";

// allow-oom: the script only renews existing keys, and sessions must be recognised when memory is short.
export const verifyScript = defineScript({
  name: "session.verify",
  about: "checks a token, and renews the idle timeout of a live session. Repeating it only renews again.",
  flags: "allow-oom",
  keys: { ...sessionKeys, ...notBeforeKey },
  arguments: {
    id: text("the id of the session"),
    secret: text("the hash of the token's secret"),
    authenticated: text(AUTHENTICATED),
    addressDigest: text('the digest that the record must have of a sealed address; "" if it is not compared'),
    expected: texts('fields and values, in turn, that the record must have; orgId "" for none'),
  },
  answers: { live },
  refusals: ["mismatch", "authenticate", "rotated", ...notLive],
  uses: [state, touch, disguised, grace, mustAuthenticate, now],
  lua: /* lua */ `
local known = redis.call("HMGET", record, "secret", "previousSecret", "replacedAt")
-- The record of an ended session holds only digests, which can be compared.
local function says(name, value)
  -- Compare a sealed address by its digest.
  if name == "ipAddress" and addressDigest ~= "" then
    local digests = redis.call("HMGET", record, "ipAddressDigest", "was:ipAddressDigest")
    if digests[1] or digests[2] then
      return digests[1] == addressDigest or digests[2] == disguised(known[1], "ipAddressDigest", addressDigest)
    end
  end
  local held = redis.call("HGET", record, name)
  if held then
    return held == value
  end
  local was = redis.call("HGET", record, "was:" .. name)
  if was then
    return was == disguised(known[1], name, value)
  end
  return name == "orgId" and value == ""
end

local rotated = known[1] ~= secret and known[2] == secret and now < known[3] + GRACE
if known[1] ~= secret and not rotated then
  return { "unknown" }
end
for i = 1, #expected, 2 do
  if not says(expected[i], expected[i + 1]) then
    return { "mismatch" }
  end
end
if rotated then
  return { "rotated" }
end
local found, session = state(record, index, id)
if found ~= "live" then
  return { found }
end
if mustAuthenticate(notBefore, authenticated, id) then
  return { "authenticate" }
end
touch(record, index, session)
return { "live", redis.call("HGETALL", record) }
`,
});
