import { fragment } from "../../script/fragment.js";
import { now, whole } from "./time.js";

// The mark that remains after all sessions of an owner were ended: "<milliseconds> <id of the session that was
// spared>". A sign-in must be newer. The mark reveals nothing about its owner.

export const notBeforeKey = {
  notBefore: "string: the time that a sign-in must be newer than",
} as const;

/** The description of the sign-in that `mustAuthenticate` takes. */
export const AUTHENTICATED = 'the second in which the user signed in, "unknown", or "" to skip the comparison';

/** Returns whether a sign-in is too old. The second of the mark itself is too old. */
export const mustAuthenticate = fragment(/* lua */ `
local function mustAuthenticate(notBefore, authenticatedAt, id)
  if authenticatedAt == "" then
    return false
  end
  local at, spared = string.match(redis.call("GET", notBefore) or "", "^(%d+) (.*)$")
  if not at or (spared ~= "" and spared == id) then
    return false
  end
  return authenticatedAt == "unknown" or tonumber(authenticatedAt) <= math.floor(at / 1000)
end`);

/**
 * Sets the mark. Neither moves an existing mark back, which another server's clock may have written, nor shortens its
 * life.
 */
export const markNotBefore = fragment(
  /* lua */ `
local function markNotBefore(notBefore, spared, lifetime)
  local at = tonumber(string.match(redis.call("GET", notBefore) or "", "^%d+") or 0)
  local left = math.max(lifetime, redis.call("PTTL", notBefore))
  redis.call("SET", notBefore, whole(math.max(at, now)) .. " " .. spared, "PX", whole(left))
end`,
  now,
  whole,
);
