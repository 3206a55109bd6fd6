import { fragment } from "../../script/fragment.js";

/** The server's time: seconds, and the microseconds of the second. */
export const time = fragment(/* lua */ `local time = redis.call("TIME")`);

/** The server's time in whole milliseconds since 1970. */
export const now = fragment(/* lua */ `local now = time[1] * 1000 + math.floor(time[2] / 1000)`, time);

/** The server's time in microseconds since 1970. */
export const microseconds = fragment(/* lua */ `local microseconds = time[1] * 1000000 + time[2]`, time);

/** Formats a whole number. Lua's own tostring() has only 14 digits. */
export const whole = fragment(/* lua */ `
local function whole(number)
  return string.format("%.0f", number)
end`);

/** Makes an index live at least as long as its longest member. */
export const outlive = fragment(
  /* lua */ `
local function outlive(key, at)
  -- For GT, a key without a deadline lives longest. Such a key gets one here.
  if redis.call("PEXPIREAT", key, whole(at), "GT") == 0 and redis.call("PEXPIRETIME", key) == -1 then
    redis.call("PEXPIREAT", key, whole(at))
  end
end`,
  whole,
);

/** Makes a key expire at a time; `math.huge` means never. */
export const expireAt = fragment(
  /* lua */ `
local function expireAt(key, at)
  if at == math.huge then
    redis.call("PERSIST", key)
  else
    redis.call("PEXPIREAT", key, whole(at))
  end
end`,
  whole,
);
