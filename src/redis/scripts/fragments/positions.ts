import { IS_QUESTION, SEALED } from "../../sealing.js";
import { fragment } from "../../script/fragment.js";
import { microseconds, whole } from "./time.js";

// A position names one stored message for as long as it exists: "<era>-<number>". The messages of a conversation are
// numbered from 0 on. The conversation's hash has two fields for positions: `first`, the number of the oldest message
// that `maxMessages` has left (absent for 0), and `eras`, "<number>:<era> …": from that number on, messages belong to
// that era. A write that removes the newest messages begins an era, a time in microseconds, so that a position is not
// used twice. Appending messages costs nothing for positions, and a message holds no byte for them.

/** Returns the numbers, eras and length of a conversation's messages. */
export const places = fragment(/* lua */ `
local function placesOf(conversation, messages)
  local fields = redis.call("HMGET", conversation, "first", "eras")
  return { first = tonumber(fields[1] or 0), eras = fields[2] or "0:0", length = redis.call("LLEN", messages) }
end`);

/** Returns the position of an index, which may be the one behind the last message. */
export const positionAt = fragment(
  /* lua */ `
local function positionAt(places, index)
  local number, era = places.first + index, "0"
  for from, name in string.gmatch(places.eras, "(%d+):(%d+)") do
    if tonumber(from) <= number then
      era = name
    end
  end
  return era .. "-" .. whole(number)
end`,
  whole,
);

/** Returns the index of a position; nil if its message is gone or was never in this conversation. */
export const indexOf = fragment(
  /* lua */ `
local function indexOf(places, position)
  local number = tonumber(string.match(position, "%-(%d+)$") or "")
  local index = number and number - places.first
  if index and index >= 0 and index < places.length and positionAt(places, index) == position then
    return index
  end
end`,
  positionAt,
);

/** Begins an era at an index, so that no earlier position is valid from there on. */
export const beginEra = fragment(
  /* lua */ `
local function beginEra(conversation, places, index)
  local number, eras = places.first + index, {}
  for from, era in string.gmatch(places.eras, "(%d+):(%d+)") do
    -- Of the eras in front of the oldest message, only the last one still matters.
    if tonumber(from) <= places.first then
      eras[1] = from .. ":" .. era
    elseif tonumber(from) < number then
      eras[#eras + 1] = from .. ":" .. era
    end
  end
  if index == 0 then
    eras = {}
  end
  eras[#eras + 1] = whole(number) .. ":" .. whole(microseconds)
  places.eras = table.concat(eras, " ")
  redis.call("HSET", conversation, "eras", places.eras)
end`,
  microseconds,
  whole,
);

/** Removes the messages from an index on. */
export const cut = fragment(
  /* lua */ `
local function cut(conversation, messages, places, index)
  beginEra(conversation, places, index)
  if index == 0 then
    redis.call("UNLINK", messages)
  else
    redis.call("LTRIM", messages, 0, whole(index - 1))
  end
end`,
  beginEra,
  whole,
);

/** Returns whether an entry is a message of a user. The head of a sealed or compressed entry says so. */
export const isQuestion = fragment(/* lua */ `
local function isQuestion(entry)
  local marker, flags = string.byte(entry, 1, 2)
  if marker == ${SEALED} then
    return math.floor(flags / ${IS_QUESTION}) % 2 == 1
  end
  return string.find(entry, '{"type":"human"', 1, true) == 1
end`);
