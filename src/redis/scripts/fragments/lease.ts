import { oneOf, text } from "../../script/arguments.js";
import { fragment } from "../../script/fragment.js";

// A turn that began under a lease is stored while it holds the lease. It is also stored when the lease has lapsed, as long
// as no other turn took the conversation since.

/** How long a turn may go on whose lease has lapsed, when no other turn took its conversation: as long as a lease can be. */
const HOLDER_MILLISECONDS = 86_400_000;

/** The keys of a script that a turn writes with. */
export const heldKeys = {
  lease: "string: the token of the turn that holds the conversation",
  holder: "string: the token of the turn that held it last",
} as const;

/** The arguments of a script that a turn writes with. */
export const heldArguments = {
  token: text('of the turn that writes, "" when it needs no lease'),
  after: oneOf(["keep", "release"], "what becomes of its lease"),
};

/** Returns whether a turn that has a token has lost its lease. */
export const lostLease = fragment(/* lua */ `
local function lostLease(lease, holder, token)
  if token == "" or redis.call("GET", lease) == token then
    return false
  end
  return redis.call("EXISTS", lease) == 1 or redis.call("GET", holder) ~= token
end`);

/** Gives a conversation back. It does nothing to a lease of another turn. */
export const releaseLease = fragment(/* lua */ `
local function releaseLease(lease, holder, token)
  for _, key in ipairs({ lease, holder }) do
    if redis.call("GET", key) == token then
      redis.call("DEL", key)
    end
  end
end`);

/** Gives a conversation back when the write ends its turn. */
export const concludeTurn = fragment(
  /* lua */ `
local function concludeTurn(lease, holder, token, after)
  if after == "release" then
    releaseLease(lease, holder, token)
  end
end`,
  releaseLease,
);

/** Lets a turn hold a conversation for `duration` milliseconds. */
export const holdLease = fragment(/* lua */ `
local function holdLease(lease, holder, token, duration)
  redis.call("SET", lease, token, "PX", duration)
  redis.call("SET", holder, token, "PX", "${HOLDER_MILLISECONDS}")
end`);
