import { fragment } from "../../script/fragment.js";
import { earlier, remember } from "./operation.js";
import { whole } from "./time.js";

// The record of an operation holds its reply for two minutes, under a key that an erasure does not find. A sum or a
// length reveals something of the values, so the record holds it with a pad added to each digit. The pad is made from a
// secret beside the namespace's counts. The secret is removed with the namespace; from then on the record reveals
// nothing.

/** Returns the pad's digits, and a mark that shows whether the secret has changed. */
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

/**
 * Does what `earlier` does, for a whole number. Returns nil if the namespace was erased since, because the number is
 * then unreadable.
 */
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

/** Does what `remember` does, for a whole number. `fresh` becomes the secret of a namespace that has none. */
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
