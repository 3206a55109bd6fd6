import { fragment } from "../../script/fragment.js";
import { earlier } from "./operation.js";

// What an owner has is sealed with a data key, which has an id. The owner's key "data-key" is a string:
// "<id> <the data key, wrapped by a key of the ring>", "<id> elsewhere" when the wrapped key is kept elsewhere, or "<id> -"
// when that data key was destroyed. Nothing may be sealed with a destroyed key.
//
// A script that writes something sealed has the argument `seal`: "<id> <origin> <ttl> <rest>". The origin is how the writer
// came by the key:
//
//   known        it was there. It must be there still.
//   rewrap       it was there, and is wrapped anew: the rest takes the place of what is there.
//   new          the writer made it. It must be the first, or follow a destroyed one.
//   over:<id>    as "new", in place of a key that exists nowhere any more.
//   keep         the writer seals nothing. What is sealed already may live longer by what it does.

/** Returns the refusal of a writer whose key is not the owner's, nil otherwise. */
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
 * The same as `earlier`, where the digest is made with the data key. A writer that has another key than the one that stands
 * cannot tell writes apart: it has to learn that one first.
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
 * Writes the key down, and keeps it at least as long as what is sealed with it: as long as the writer says, unless the script
 * knows better. What is left of a destroyed key is not kept.
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

/** For how long it is known that a key was destroyed: longer than any process goes on with a key, or resends a script. */
const DESTROYED_MILLISECONDS = 3_600_000;

/**
 * Destroys the key, so that nothing is sealed with it any more. Returns its id, "" when there is none.
 *
 * `elsewhere` is the id of the key that is kept elsewhere, "" for none: it may be known there alone.
 */
export const destroyKey = fragment(/* lua */ `
local function destroyKey(dataKey, elsewhere)
  local id = elsewhere ~= "" and elsewhere or string.match(redis.call("GET", dataKey) or "", "^(%S+) ") or ""
  if id ~= "" then
    redis.call("SET", dataKey, id .. " -", "PX", "${DESTROYED_MILLISECONDS}")
  end
  return id
end`);
