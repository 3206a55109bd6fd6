import { OPERATION_WINDOW_MILLISECONDS } from "../../operation.js";
import { text } from "../../script/arguments.js";
import { fragment } from "../../script/fragment.js";

// The parts that make a write take effect once.

/** The key of a script that takes effect once. */
export const operationKey = {
  operation: "string: the record of the write with this operation id, for a while",
} as const;

/** The argument of a script that takes effect once. */
export const digestArgument = { digest: text("a digest that tells writes under one operation id apart") };

// This is text, because Redis takes longer to format a number that a script passes.
const operationWindow = fragment(/* lua */ `local OPERATION_WINDOW = "${OPERATION_WINDOW_MILLISECONDS}"`);

/**
 * Returns the reply of the operation when it first ran, `{ "repeated", reply }`; `{ "conflict" }` if the operation id
 * names another write; nil if it has not run.
 *
 * Each repetition extends the time for which the operation is remembered: a caller that repeats a write may have a
 * resend of its own under way, which arrives later and must be recognised too.
 */
export const earlier = fragment(
  /* lua */ `
local function earlier(operation, digest)
  local stored = redis.call("GET", operation)
  if not stored then
    return nil
  elseif string.sub(stored, 1, #digest) ~= digest then
    return { "conflict" }
  end
  redis.call("PEXPIRE", operation, OPERATION_WINDOW)
  return { "repeated", string.sub(stored, #digest + 2) }
end`,
  operationWindow,
);

/**
 * Records an operation and its reply, before its effect. A script that stops half-way, for example because an ACL
 * forbids one of its commands, then does not run a second time.
 */
export const remember = fragment(
  /* lua */ `
local function remember(operation, digest, reply)
  redis.call("SET", operation, digest .. " " .. reply, "PX", OPERATION_WINDOW)
end`,
  operationWindow,
);
