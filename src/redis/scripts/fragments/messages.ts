import { CLEAR_REMEMBERED_MILLISECONDS } from "../../operation.js";
import { fragment } from "../../script/fragment.js";
import { callInParts } from "./long-lists.js";
import { time, whole } from "./time.js";

export const clearRemembered = fragment(/* lua */ `local CLEAR_REMEMBERED = "${CLEAR_REMEMBERED_MILLISECONDS}"`);

/**
 * Appends messages, completed with the time and with the mark of the latest clear if there is one. Keeps the newest `cap`
 * messages of the list; 0 keeps all. Returns the number of removed messages.
 */
export const push = fragment(
  /* lua */ `
local function push(list, messages, cap, cleared)
  local mark = cleared and ',"cleared":' .. cleared or ""
  local tail = string.format(',"at":%s%03d%s}', time[1], math.floor(time[2] / 1000), mark)
  for i = 1, #messages do
    messages[i] = messages[i] .. tail
  end
  local length = callInParts("RPUSH", list, messages) or 0
  if cap == 0 or length <= cap then
    return 0
  end
  redis.call("LTRIM", list, whole(-cap), -1)
  return length - cap
end`,
  callInParts,
  time,
  whole,
);

/**
 * Removes a conversation, and leaves its next generation, which keeps turns in flight from writing it back. Returns the
 * number of removed lists of messages.
 */
export const removeConversation = fragment(
  /* lua */ `
local function removeConversation(conversation, messages, generation)
  redis.call("DEL", conversation)
  redis.call("HSET", conversation, "generation", generation)
  redis.call("PEXPIRE", conversation, CLEAR_REMEMBERED)
  return redis.call("UNLINK", messages)
end`,
  clearRemembered,
);
