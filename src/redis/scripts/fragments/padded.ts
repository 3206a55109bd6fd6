import { fragment } from "../../script/fragment.js";
import { earlier, remember } from "./operation.js";
import { whole } from "./time.js";

// An operation is remembered for two minutes with what it replied, under a key whose name an erasure does not know. A sum
// and a length say something of the values, so they are not written there as they are. A pad is added to each of their
// digits. It is made of a secret that is kept beside the namespace's counts. The secret goes with the namespace, and then
// the record tells nothing any more.

/** Returns the pad's digits, and a mark that tells whether the secret is the one of then. */
const padOf = fragment(/* lua */ `
local DIGITS = 17
local function padOf(secret, operation)
  local bytes, pad = redis.sha1hex(secret .. operation), {}
  for i = 1, DIGITS do
    pad[i] = tonumber(string.sub(bytes, 2 * i - 1, 2 * i), 16)
  end
  return pad, string.sub(bytes, 2 * DIGITS + 1)
end`);

/** Adds the pad to each digit of a text, `times` times. */
const shifted = fragment(
  /* lua */ `
local function shifted(digits, pad, times)
  return (string.gsub(digits, "()(%d)", function(at, digit)
    return whole((digit + times * pad[at]) % 10)
  end))
end`,
  whole,
);

/** Does what `earlier` does, for a whole number. Nil when the namespace was erased since: the number went with it. */
export const earlierNumber = fragment(
  /* lua */ `
local function earlierNumber(operation, digest, writes)
  local before = earlier(operation, digest)
  if not before or before[1] ~= "repeated" then
    return before
  end
  local pad, mark = padOf(redis.call("HGET", writes, "pad") or "", operation)
  if string.sub(before[2], 1, #mark) ~= mark then
    return nil
  end
  local plain = shifted(string.sub(before[2], #mark + 1), pad, -1)
  local number = tonumber(string.sub(plain, 2))
  return { "repeated", whole(string.sub(plain, 1, 1) == "1" and -number or number) }
end`,
  earlier,
  padOf,
  shifted,
  whole,
);

/** Does what `remember` does, for a whole number. `fresh` is the secret of a namespace that has none yet. */
export const rememberNumber = fragment(
  /* lua */ `
local function rememberNumber(operation, digest, writes, number, fresh)
  local pad, mark = padOf(redis.call("HGET", writes, "pad") or fresh, operation)
  local plain = string.format("%d%016.0f", number < 0 and 1 or 0, math.abs(number))
  remember(operation, digest, mark .. shifted(plain, pad, 1))
  redis.call("HSETNX", writes, "pad", fresh)
end`,
  remember,
  padOf,
  shifted,
);
