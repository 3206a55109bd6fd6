import { LangChainRedisError } from "./langchain-redis-error.js";

/** A token that was never issued: mistyped, cut short or made up. Redis was not asked. */
export class InvalidTokenError extends LangChainRedisError {
  override readonly name = "InvalidTokenError";
  override readonly code = "INVALID_TOKEN";

  constructor() {
    super("This is not a session token. Sign in again to get one.");
  }
}

/** Why a session is no longer live: signed out, pushed out by the limit, timed out, or under a newer token. */
export type SessionEndReason = "ended" | "evicted" | "expired" | "rotated";

/** The session is unknown, has expired or was ended. */
export class SessionNotFoundError extends LangChainRedisError {
  override readonly name = "SessionNotFoundError";
  override readonly code = "SESSION_NOT_FOUND";
  /** Why it is no longer live; known for 60 seconds after its end, and absent afterwards. */
  readonly reason: SessionEndReason | undefined;

  constructor(reason?: SessionEndReason) {
    super(reason === undefined ? "There is no such session." : `The session is no longer live: ${reason}.`);
    this.reason = reason;
  }
}

/** The token is good, but for another user, organisation, agent or address than expected. Nothing was extended. */
export class SessionMismatchError extends LangChainRedisError {
  override readonly name = "SessionMismatchError";
  override readonly code = "SESSION_MISMATCH";

  constructor() {
    super("The session is not one of this user, organisation, agent or address.");
  }
}

/**
 * All sessions of the user were ended (`endAll`, `eraseUser`, `endEverybody`) after this sign-in, or in the same second:
 * its tokens may be in other hands. Nothing was created or extended. The user has to sign in anew; a renewed token of the
 * same sign-in is not enough.
 */
export class ReauthenticationRequiredError extends LangChainRedisError {
  override readonly name = "ReauthenticationRequiredError";
  override readonly code = "REAUTHENTICATION_REQUIRED";

  constructor() {
    super("All sessions of the user were ended after this sign-in. The user has to sign in anew.");
  }
}

/** The user has as many live sessions as allowed, and `atLimit` is `"reject"`. Nothing was created. */
export class SessionLimitError extends LangChainRedisError {
  override readonly name = "SessionLimitError";
  override readonly code = "SESSION_LIMIT";
  /** How many live sessions a user may have. */
  readonly limit: number;

  constructor(limit: number) {
    super(`The user has ${limit} live sessions, which is the limit. End one first.`);
    this.limit = limit;
  }
}
