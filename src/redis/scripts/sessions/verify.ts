import { defineScript, type Script } from "../../script.js";
import { type AuthenticatedAt, authenticatedArgument, notBeforeLua, sessionLua, timeLua } from "../fragments.js";
import { sessionOutcome, type SessionOutcome } from "./outcome.js";

// allow-oom: it only renews what is there, and a session must be told apart from none when memory is short.
const lua = /* lua */ `#!lua flags=allow-oom
--[[
Tells what a token is worth, and renews the idle timeout of a live session. Repeating it only renews again.

KEYS[1]  record
KEYS[2]  index
KEYS[3]  notBefore      since when a sign-in has to be newer

ARGV[1]  id
ARGV[2]  secret         hash of the token's secret
ARGV[3]  authenticated  second in which the user signed in, "unknown", or "" for not compared
ARGV[4…] expected       field, value, …: what the record must say; orgId "" for none

returns  { "live", fields } | { "mismatch" | "authenticate" } | { "unknown" | "ended" | "evicted" | "expired" | "rotated" }
--]]
${timeLua}${sessionLua}${notBeforeLua}
local record = KEYS[1]
local index  = KEYS[2]
local id     = ARGV[1]
local secret = ARGV[2]
local authenticated = ARGV[3]

-- Of a session that has ended the record holds what can be compared only.
local function says(of, name, expected)
  local value = redis.call("HGET", of, name)
  if value then
    return value == expected
  end
  local was = redis.call("HGET", of, "was:" .. name)
  if was then
    return was == disguised(of, name, expected)
  end
  return name == "orgId" and expected == ""
end

local known = redis.call("HMGET", record, "secret", "previousSecret", "replacedAt")
local rotated = known[1] ~= secret and known[2] == secret and now < known[3] + GRACE
if known[1] ~= secret and not rotated then
  return { "unknown" }
end
for i = 4, #ARGV, 2 do
  if not says(record, ARGV[i], ARGV[i + 1]) then
    return { "mismatch" }
  end
end
if rotated then
  return { "rotated" }
end
local found = state(record, index, id)
if found ~= "live" then
  return { found }
end
if mustAuthenticate(KEYS[3], authenticated, id) then
  return { "authenticate" }
end
touch(record, index)
return { "live", redis.call("HGETALL", record) }
`;

export interface VerifySession {
  readonly record: string;
  readonly index: string;
  readonly notBefore: string;
  readonly id: string;
  readonly secretHash: string;
  readonly authenticatedAt: AuthenticatedAt;
  /** Field, value, field, value … */
  readonly expected: readonly string[];
}

export const verifyScript: Script<VerifySession, SessionOutcome> = defineScript({
  lua,
  keys: ({ record, index, notBefore }) => [record, index, notBefore],
  arguments: ({ id, secretHash, authenticatedAt, expected }) => [
    id,
    secretHash,
    authenticatedArgument(authenticatedAt),
    ...expected,
  ],
  reply: sessionOutcome,
});
