import { oneOf, text } from "../../script/arguments.js";
import { fragment } from "../../script/fragment.js";

// A turn that began under a lease is stored while it holds the lease. It is also stored after the lease has expired, if
// no other turn has taken the conversation since.

/**
 * How long a turn may go on after its lease has expired, if no other turn takes its conversation. A lease cannot be
 * longer.
 */
const HOLDER_MILLISECONDS = 86_400_000;

/** The keys of a script with which a turn writes. */
export const heldKeys = {
  lease: "string: the token of the turn that holds the conversation",
  holder: "string: the token of the turn that held the conversation last",
} as const;

/** The arguments of a script with which a turn writes. */
export const heldArguments = {
  token: text('the token of the turn that writes, "" if it needs no lease'),
  after: oneOf(["keep", "release"], "what happens to its lease"),
};

/** Returns whether a turn has lost its lease. A turn without a token has none to lose. */
export const lostLease = fragment(/* lua */ `
local function lostLease(lease, holder, token)
  if token == "" or redis.call("GET", lease) == token then
    return false
  end
  return redis.call("EXISTS", lease) == 1 or redis.call("GET", holder) ~= token
end`);

/** Releases a conversation. Leaves the lease of another turn alone. */
export const releaseLease = fragment(/* lua */ `
local function releaseLease(lease, holder, token)
  for _, key in ipairs({ lease, holder }) do
    if redis.call("GET", key) == token then
      redis.call("DEL", key)
    end
  end
end`);

/** Releases a conversation if the write ends its turn. */
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
