import { OPERATION_WINDOW_MILLISECONDS } from "../../operation.js";
import { defineScript, type Script } from "../../script.js";
import { operationLua, sessionLua, timeLua } from "../fragments.js";
import { sessionOutcome, type SessionOutcome } from "./outcome.js";

// allow-oom: replacing a token is a defence.
const lua = /* lua */ `#!lua flags=allow-oom
--[[
Replaces the secret of a session, if it still is the one the caller holds.

KEYS[1]  record
KEYS[2]  index
KEYS[3]  operation

ARGV[1]  digest   of the rotation
ARGV[2]  window   milliseconds to remember the operation
ARGV[3]  id
ARGV[4]  old      hash of the secret that the caller holds
ARGV[5]  new      hash of its successor
ARGV[6]  attempt  when it was made, by the caller's clock in milliseconds

returns  { "live", fields } | { "conflict" | "superseded" | "unknown" | "ended" | "evicted" | "expired" | "rotated" }
--]]
${timeLua}${sessionLua}${operationLua}
local record    = KEYS[1]
local index     = KEYS[2]
local operation = KEYS[3]
local digest    = ARGV[1]
local window    = ARGV[2]
local id        = ARGV[3]
local old       = ARGV[4]
local new       = ARGV[5]
local attempt   = tonumber(ARGV[6])

local before = earlier(operation, digest)
if before and before[1] == "conflict" then
  return before
end
local known = redis.call("HMGET", record, "secret", "previousSecret", "replacedAt")
-- A token of this rotation that never arrived may be replaced, as long as nobody rotated since; not by an attempt that
-- was given up and runs late.
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
local found = state(record, index, id)
if found ~= "live" then
  return { found }
end
remember(operation, digest, window, whole(attempt) .. " " .. new)
redis.call("HSET", record, "secret", new, "previousSecret", old, "replacedAt", whole(now), "rotated", "1")
touch(record, index)
return { "live", redis.call("HGETALL", record) }
`;

export interface RotateSession {
  readonly operationId: string;
  readonly keys: { readonly record: string; readonly index: string; readonly operation: string };
  readonly digest: string;
  readonly id: string;
  readonly oldHash: string;
  readonly newHash: string;
  /** Milliseconds since 1970. */
  readonly attempt: number;
}

export const rotateScript: Script<RotateSession, SessionOutcome> = defineScript({
  lua,
  keys: ({ keys }) => [keys.record, keys.index, keys.operation],
  arguments: ({ digest, id, oldHash, newHash, attempt }) => [
    digest,
    String(OPERATION_WINDOW_MILLISECONDS),
    id,
    oldHash,
    newHash,
    String(attempt),
  ],
  reply: sessionOutcome,
});
