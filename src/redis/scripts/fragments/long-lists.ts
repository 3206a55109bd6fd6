import { fragment } from "../../script/fragment.js";

// Commands with more values than Lua can pass at once: unpack() fails near 8,000.

/** Calls a command with all values, 4,000 at a time. Returns the last reply, or `nil` if there are no values. */
export const callInParts = fragment(/* lua */ `
local function callInParts(command, key, values)
  local reply
  for from = 1, #values, 4000 do
    reply = redis.call(command, key, unpack(values, from, math.min(from + 3999, #values)))
  end
  return reply
end`);

/** Returns the values of these fields of a hash, by name: `false` for a field that is missing. */
export const valuesOf = fragment(/* lua */ `
local function valuesOf(hash, names)
  local values = {}
  for from = 1, #names, 4000 do
    local part = redis.call("HMGET", hash, unpack(names, from, math.min(from + 3999, #names)))
    for i = 1, #part do
      values[names[from + i - 1]] = part[i]
    end
  end
  return values
end`);
