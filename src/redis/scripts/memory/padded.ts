import { randomBytes } from "node:crypto";

// An operation is remembered for two minutes with what it replied, under a key whose name an erasure does not know. A sum
// and a length say something of the values, so they are not written there as they are: a pad is added to each of their
// digits, made of a secret that is kept beside the namespace's counts. The secret goes with the namespace, and then the
// record tells nothing any more.

/** A secret for a namespace that has none yet. */
export function newPadSecret(): string {
  return randomBytes(16).toString("base64url");
}

/**
 * In the place of `earlier` and `remember`, for a script that replies a whole number. Part of the fragments of a write;
 * `fresh` is the secret of a namespace that has none.
 */
export const paddedLua = /* lua */ `
local DIGITS = 17

-- The pad's digits, and a mark that tells whether the secret is the one of then.
local function padOf(secret)
  local bytes, pad = redis.sha1hex(secret .. operation), {}
  for i = 1, DIGITS do
    pad[i] = tonumber(string.sub(bytes, 2 * i - 1, 2 * i), 16)
  end
  return pad, string.sub(bytes, 2 * DIGITS + 1)
end

local function shifted(text, pad, by)
  return (string.gsub(text, "()(%d)", function(at, digit)
    return whole((digit + by * pad[at]) % 10)
  end))
end

-- The reply of the first time. None when the namespace was erased since: the number went with it.
local function earlierNumber()
  local before = earlier(operation, digest)
  if not before or before[1] ~= "repeated" then
    return before
  end
  local pad, mark = padOf(redis.call("HGET", writes, "pad") or "")
  if string.sub(before[2], 1, #mark) ~= mark then
    return nil
  end
  local plain = shifted(string.sub(before[2], #mark + 1), pad, -1)
  local number = tonumber(string.sub(plain, 2))
  return { "repeated", whole(string.sub(plain, 1, 1) == "1" and -number or number) }
end

local function rememberNumber(number, fresh)
  local pad, mark = padOf(redis.call("HGET", writes, "pad") or fresh)
  local plain = string.format("%d%016.0f", number < 0 and 1 or 0, math.abs(number))
  remember(operation, digest, window, mark .. shifted(plain, pad, 1))
  redis.call("HSETNX", writes, "pad", fresh)
end
`;
