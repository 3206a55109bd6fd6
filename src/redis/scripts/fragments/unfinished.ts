import type { Argument } from "../../script/arguments.js";
import { fragment } from "../../script/fragment.js";
import { whole } from "./time.js";

// A turn may store parts before its last one: a question, steps, what there is of it when it is interrupted. Until the last
// part is stored, the conversation has a note of it, the field `unfinished` of its hash:
// "<parts> <provisional> <attempt> <operation id of the turn>". The last `parts` messages are parts of the turn. Of these,
// the last `provisional` are what an interruption kept: they give way when the run goes on after all. An attempt is one run
// of the turn. A repeated request is another attempt, whose first part takes the place of all earlier parts. When
// another append follows, the note keeps the run and counts no parts: the parts are ordinary messages from then on.

/** What a write says of its turn. */
export interface PartOfTurn {
  /** The operation id of the turn. */
  readonly operationId: string;
  /** Whether the caller chose it. */
  readonly named: boolean;
  /** A random name of this run of the turn. */
  readonly attempt: string;
  /** Whether this run has stored a part before. */
  readonly written: boolean;
  /** `"provisional"`: what an interruption keeps. It gives way when the run goes on after all. */
  readonly kind: "part" | "provisional" | "last";
  /** How many of its first messages are its question, which `answer.begin` has stored. They stay when the rest is taken back. */
  readonly asked?: number | undefined;
}

/** The argument of a script that a turn writes with. In the script a table, nil for a write that is no part of a turn. */
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

/** Reads the argument. */
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

/** The key of a script that stores a part of a turn which is not its last. Without it, the write is the last part. */
export const partKey = {
  turnOperation: "string: what was written under the operation id of the turn, for a while",
} as const;

/** Reads the note of an unfinished turn. */
export const unfinishedTurn = fragment(/* lua */ `
local function unfinishedTurn(note)
  local parts, provisional, attempt, turn = string.match(note or "", "^(%d+) (%d+) (%S+) (.+)$")
  return parts and { parts = tonumber(parts), provisional = tonumber(provisional), attempt = attempt, turn = turn }
end`);

/**
 * Says what a write of `length` messages of a turn meets: how many of the last messages it replaces, and how many parts of its
 * own stay in front of it; or, in place of the first, why it is not made: "conflict", or "dropped" for a part that is not the
 * last.
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
    -- It ends with nothing more: its parts are the whole turn, or are taken back, but for a question that was accepted.
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
 * Writes down, in the conversation's hash, what a write of `length` messages makes of the turn. A part of a run whose
 * earlier parts are no longer the last messages is an ordinary message. Of a turn whose parts others follow, the note says
 * which run wrote last, so that no other run of it goes on.
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
