import type { Argument } from "../../script/arguments.js";
import { fragment } from "../../script/fragment.js";
import { whole } from "./time.js";

// A turn may store parts before its last one: a question, steps, and what there is of it when it is interrupted. Until
// the last part is stored, the conversation has a note of the turn, the field `unfinished` of its hash: "<parts>
// <provisional> <attempt> <operation id of the turn>". The last `parts` messages are parts of the turn. The last
// `provisional` of these were kept by an interruption: they are replaced if the run goes on after all. An attempt is
// one run of the turn. A repeated request is another attempt, whose first part replaces all earlier parts. If another
// append follows, the note keeps the run but counts no parts, because the parts are ordinary messages from then on.

/** What a write passes on about its turn. */
export interface PartOfTurn {
  /** The operation id of the turn. */
  readonly operationId: string;
  /** Whether the caller chose the operation id. */
  readonly named: boolean;
  /** A random name of this run of the turn. */
  readonly attempt: string;
  /** Whether this run has stored a part before. */
  readonly written: boolean;
  /** `"provisional"`: a part that an interruption keeps. It is replaced if the run goes on after all. */
  readonly kind: "part" | "provisional" | "last";
  /**
   * The number of the turn's first messages that are its question, which `answer.begin` has stored. They stay when the
   * rest is taken back.
   */
  readonly asked?: number | undefined;
}

/**
 * The argument of a script with which a turn writes. In the script it is a table; nil for a write that is not part of a
 * turn.
 */
export const turnArgument: { readonly turn: Argument<PartOfTurn | undefined> } = {
  turn: {
    about:
      '"<attempt> <written> <provisional> <named> <asked> <operation id>" of the turn, "" for none; flags are 1 or 0',
    encode: (turn) =>
      turn === undefined
        ? ""
        : [
            turn.attempt,
            flag(turn.written),
            flag(turn.kind === "provisional"),
            flag(turn.named),
            String(turn.asked ?? 0),
            turn.operationId,
          ].join(" "),
    local: (argument) => `turnOf(${argument})`,
  },
};

function flag(is: boolean): string {
  return is ? "1" : "0";
}

/** Parses the argument. */
export const turnOf = fragment(/* lua */ `
local function turnOf(argument)
  local attempt, written, provisional, named, asked, id = string.match(argument, "^(%S+) (%d) (%d) (%d) (%d+) (.+)$")
  return attempt
    and {
      attempt = attempt,
      written = written == "1",
      provisional = provisional == "1",
      named = named == "1",
      asked = tonumber(asked),
      id = id,
    }
end`);

/** The key of a script that stores a part of a turn. Without it, the write is the last part. */
export const partKey = {
  turnOperation: "string: the record of the write with the turn's operation id, for a while",
} as const;

/** Parses the note of an unfinished turn. */
export const unfinishedTurn = fragment(/* lua */ `
local function unfinishedTurn(note)
  local parts, provisional, attempt, turn = string.match(note or "", "^(%d+) (%d+) (%S+) (.+)$")
  return parts and { parts = tonumber(parts), provisional = tonumber(provisional), attempt = attempt, turn = turn }
end`);

/**
 * Returns what a write of `length` messages of a turn finds: the number of the last messages that it replaces, and the
 * number of its own parts that stay in front of it. If the write must not happen, returns only the reason: "conflict",
 * or "dropped" for a part that is not the last.
 */
export const standing = fragment(
  /* lua */ `
local function standing(note, finished, turnOperation, turn, length)
  if not turn then
    return 0, 0
  end
  local refused = turnOperation and "dropped" or "conflict"
  if finished == turn.id or (turnOperation and redis.call("EXISTS", turnOperation) == 1) then
    return refused
  end
  local found = unfinishedTurn(note)
  if not found or found.turn ~= turn.id then
    return 0, 0
  elseif found.attempt == turn.attempt and length == 0 then
    -- The turn ends without more: its parts are the whole turn, or are taken back except for an accepted question.
    local stay = turnOperation and math.min(turn.asked, found.parts) or found.parts
    return found.parts - stay, stay
  elseif found.attempt == turn.attempt then
    return found.provisional, found.parts - found.provisional
  elseif turn.written then
    return refused -- A later attempt has written since.
  end
  return found.parts, 0
end`,
  unfinishedTurn,
);

/**
 * Updates the note in the conversation's hash after a write of `length` messages. A part of a run whose earlier parts
 * are no longer the last messages is an ordinary message. If other messages follow the parts of a turn, the note keeps
 * the run that wrote last, so that no other run of the turn goes on.
 */
export const noteTurn = fragment(
  /* lua */ `
local function noteTurn(hash, note, isPart, turn, stay, length)
  local found = unfinishedTurn(note)
  local isOwn = found and turn and found.turn == turn.id
  if isPart and stay + length > 0 and (stay > 0 or not turn.written) then
    local counts = whole(stay + length) .. " " .. (turn.provisional and whole(length) or "0")
    redis.call("HSET", hash, "unfinished", counts .. " " .. turn.attempt .. " " .. turn.id)
  elseif isOwn and (not isPart or stay + length == 0) then
    redis.call("HDEL", hash, "unfinished")
  elseif found and not isOwn and length > 0 and found.parts > 0 then
    redis.call("HSET", hash, "unfinished", "0 0 " .. found.attempt .. " " .. found.turn)
  end
  if not isPart and turn and turn.named then
    redis.call("HSET", hash, "finished", turn.id)
  end
end`,
  unfinishedTurn,
  whole,
);
