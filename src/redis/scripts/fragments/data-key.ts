import { fragment } from "../../script/fragment.js";
import { earlier } from "./operation.js";

// The data of an owner is sealed with a data key, which has an id. The owner's key "data-key" is a string: "<id> <the
// data key, wrapped by a key of the ring>", "<id> elsewhere" if the wrapped key is kept elsewhere, or "<id> -" if the
// data key was destroyed. Nothing may be sealed with a destroyed key.
//
// A script that writes sealed values has the argument `seal`: "<id> <origin> <ttl> <rest>". The origin says how the
// writer got the key:
//
//   known        the writer read it. It must still be there.
//   rewrap       the writer read it and wrapped it anew: the rest replaces the stored one.
//   new          the writer made it. It must be the first key, or follow a destroyed one.
//   over:<id>    like "new", in place of a key that no longer exists anywhere.
//   keep         the writer seals nothing, but may prolong the life of sealed values.

/** Returns the refusal of a writer whose key is not the owner's; otherwise nil. */
export const staleKey = fragment(/* lua */ `
local function staleKey(dataKey, seal)
  if seal == "" then
    return nil
  end
  local id, origin = string.match(seal, "^(%S+) (%S+)")
  if origin == "keep" then
    return nil
  end
  local held = redis.call("GET", dataKey)
  local heldId, rest = string.match(held or "", "^(%S+) (.+)$")
  if heldId == id and rest ~= "-" then
    return nil
  elseif heldId ~= id and ((origin == "new" and (not heldId or rest == "-")) or origin == "over:" .. (heldId or "")) then
    return nil
  end
  return { "stale-key", held or "" }
end`);

/**
 * Does what `earlier` does for a digest that is made with the data key. A writer with another key than the stored one
 * cannot tell writes apart, so it has to learn the stored key first.
 */
export const earlierSealed = fragment(
  /* lua */ `
local function earlierSealed(operation, digest, dataKey, seal)
  local before = earlier(operation, digest)
  return before and before[1] == "conflict" and staleKey(dataKey, seal) or before
end`,
  earlier,
  staleKey,
);

/**
 * Stores the key, and keeps it at least as long as the values that it seals: for the time in `seal`, unless the script
 * passes another. Does not prolong the mark of a destroyed key.
 */
export const keepKey = fragment(/* lua */ `
local function keepKey(dataKey, seal, milliseconds)
  if seal == "" then
    return
  end
  local id, origin, ttl, rest = string.match(seal, "^(%S+) (%S+) (%d+) (.+)$")
  ttl = milliseconds or ttl
  local held = redis.call("GET", dataKey) or ""
  local left = redis.call("PTTL", dataKey)
  if origin == "keep" then
    if held == "" or string.sub(held, -2) == " -" then
      return
    end
  elseif string.sub(held, 1, #id + 1) ~= id .. " " then
    redis.call("SET", dataKey, id .. " " .. rest)
    left = -2
  elseif origin == "rewrap" and held ~= id .. " " .. rest then
    redis.call("SET", dataKey, id .. " " .. rest, "KEEPTTL")
  end
  if ttl == "0" then
    if left >= 0 then
      redis.call("PERSIST", dataKey)
    end
  elseif left == -2 or (left >= 0 and left < tonumber(ttl)) then
    redis.call("PEXPIRE", dataKey, ttl)
  end
end`);

/** How long the mark of a destroyed key is kept. It is longer than any process uses a known key or resends a script. */
const DESTROYED_MILLISECONDS = 3_600_000;

/**
 * Destroys the key, so that nothing can be sealed with it any more. Returns its id, or "" if there is none.
 *
 * `elsewhere` is the id of the key that is kept elsewhere, "" for none. This Redis may not know that key.
 */
export const destroyKey = fragment(/* lua */ `
local function destroyKey(dataKey, elsewhere)
  local id = elsewhere ~= "" and elsewhere or string.match(redis.call("GET", dataKey) or "", "^(%S+) ") or ""
  if id ~= "" then
    redis.call("SET", dataKey, id .. " -", "PX", "${DESTROYED_MILLISECONDS}")
  end
  return id
end`);
