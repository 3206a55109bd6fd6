import { LangChainRedisError } from "./langchain-redis-error.js";

/**
 * Thrown when a token was never issued: it is mistyped, truncated or invented. No request was sent to Redis.
 *
 * @remedy Ask the user to sign in.
 */
export class InvalidTokenError extends LangChainRedisError {
  override readonly name = "InvalidTokenError";
  override readonly code = "INVALID_TOKEN";

  constructor() {
    super("This is not a session token. Sign in again to get one.");
  }
}

/**
 * The reason why a session, or its token, is no longer good: `"ended"` (ended by a call), `"evicted"` (ended by the
 * session limit), `"expired"` (timed out) or `"rotated"` (a newer token replaced this one).
 */
export type SessionEndReason = "ended" | "evicted" | "expired" | "rotated";

/**
 * Thrown when the session is unknown, has expired or was ended, or when its token was replaced.
 *
 * @remedy Ask the user to sign in again. `reason` says why the session ended.
 */
export class SessionNotFoundError extends LangChainRedisError {
  override readonly name = "SessionNotFoundError";
  override readonly code = "SESSION_NOT_FOUND";
  /** The reason why the session is no longer live. Known for 60 seconds after its end, then `undefined`. */
  readonly reason: SessionEndReason | undefined;

  constructor(reason?: SessionEndReason) {
    super(
      reason === undefined ? "There is no such session. Sign in again." : `The session is no longer live: ${reason}.`,
    );
    this.reason = reason;
  }
}

/**
 * Thrown when the session belongs to another user, organisation, agent or address than expected. The session's timeout
 * was not renewed.
 *
 * @remedy Refuse the request. The token belongs to someone else, or to another agent or address.
 */
export class SessionMismatchError extends LangChainRedisError {
  override readonly name = "SessionMismatchError";
  override readonly code = "SESSION_MISMATCH";

  constructor() {
    super("The session belongs to another user, organisation, agent or address.");
  }
}

/**
 * Thrown when all sessions of the user were ended (`endAll`, `eraseUser`, `endEverybody`) after this sign-in or in the
 * same second. Also thrown when they were ended and the time of the sign-in is not known. Someone else may hold the
 * credentials of such a sign-in, so no session was created or renewed.
 *
 * @remedy Ask the user to sign in again. A renewed token of the same sign-in is not enough.
 */
export class ReauthenticationRequiredError extends LangChainRedisError {
  override readonly name = "ReauthenticationRequiredError";
  override readonly code = "REAUTHENTICATION_REQUIRED";

  constructor() {
    super("All sessions of the user were ended after this sign-in. The user has to sign in again.");
  }
}

/**
 * Thrown when the user has as many live sessions as allowed and `atLimit` is `"reject"`. No session was created.
 *
 * @remedy End one of the user's sessions first, or use `atLimit: "end-oldest"`.
 */
export class SessionLimitError extends LangChainRedisError {
  override readonly name = "SessionLimitError";
  override readonly code = "SESSION_LIMIT";
  /** The number of live sessions that a user may have. */
  readonly limit: number;

  constructor(limit: number) {
    super(`The user has ${limit} live sessions, which is the limit. End one first.`);
    this.limit = limit;
  }
}
