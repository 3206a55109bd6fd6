import { fragment } from "../../script/fragment.js";
import { now, whole } from "./time.js";

// The mark that stays when all sessions of an owner were ended: "<milliseconds> <id of the session that was spared>". A
// sign-in has to be newer. The mark says nothing of its owner.

export const notBeforeKey = {
  notBefore: "string: since when a sign-in has to be newer",
} as const;

/** What `mustAuthenticate` takes of a sign-in. */
export const AUTHENTICATED = 'second in which the user signed in, "unknown", or "" for not compared';

/** Returns whether a sign-in is too old. The second of the mark itself counts as before it. */
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

/** Sets the mark. It never becomes earlier, as another server's clock may have written it, nor is it kept for less long. */
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
