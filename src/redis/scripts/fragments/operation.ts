import { OPERATION_WINDOW_MILLISECONDS } from "../../operation.js";
import { text } from "../../script/arguments.js";
import { fragment } from "../../script/fragment.js";

// What makes a write happen once.

/** The key that a script needs which writes once. */
export const operationKey = {
  operation: "string: what was written under this operation id, for a while",
} as const;

/** The argument that a script needs which writes once. */
export const digestArgument = { digest: text("tells writes under one operation id apart") };

const operationWindow = fragment(/* lua */ `local OPERATION_WINDOW = ${OPERATION_WINDOW_MILLISECONDS}`);

/**
 * Returns what the operation replied when it first ran: `{ "repeated", reply }`, `{ "conflict" }` for an operation id that
 * named something else, nil when there was none.
 *
 * Each repetition starts the time anew for which the operation is remembered. A caller that repeats a write may have a
 * resend of its own under way, which arrives later and has to be recognised too.
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
 * Records an operation and what it replies, before its effect. A script that is stopped on its way, by an ACL that forbids
 * one of its commands, say, is then not run a second time.
 */
export const remember = fragment(
  /* lua */ `
local function remember(operation, digest, reply)
  redis.call("SET", operation, digest .. " " .. reply, "PX", OPERATION_WINDOW)
end`,
  operationWindow,
);
