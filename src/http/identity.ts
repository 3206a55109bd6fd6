import { LangChainRedisError } from "../errors.js";

/** The user who sent a request, as returned by your `authenticate`. */
export interface Identity {
  /** The user's id. */
  readonly userId: string;
  /** The user's organisation. A user without one has no access to the sessions of an organisation. */
  readonly orgId?: string | undefined;
  /**
   * The time at which the user signed in, by the clock of the server that checked the credentials. Pass the same time
   * to `sessions.create`.
   *
   * After all sessions of the user were ended, a request with an earlier time is refused, and so is one with an
   * explicit `undefined`, which means that the time is not known. If you omit the property, the time is not compared.
   */
  readonly authenticatedAt?: Date | undefined;
}

/**
 * Thrown when the credentials cannot be checked at the moment, for example because the identity provider is
 * unavailable. The guard answers with 503. Throw it in your own `authenticate` for the same reason.
 *
 * @remedy Try again when the identity provider answers.
 *
 * @example
 * ```ts
 * throw new AuthenticationUnavailableError("The identity provider does not answer.", { cause: error });
 * ```
 */
export class AuthenticationUnavailableError extends LangChainRedisError {
  override readonly name = "AuthenticationUnavailableError";
  override readonly code = "AUTHENTICATION_UNAVAILABLE";
}

/**
 * The stable codes (jose) and names (jsonwebtoken) of the errors that mean that a token is not valid. Any other error
 * of an authenticator is a fault of the program or its environment, and not a verdict on the credentials.
 */
const refusals: ReadonlySet<unknown> = new Set([
  "ERR_JWT_INVALID",
  "ERR_JWT_EXPIRED",
  "ERR_JWT_CLAIM_VALIDATION_FAILED",
  "ERR_JWS_INVALID",
  "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
  "ERR_JWE_INVALID",
  "ERR_JWE_DECRYPTION_FAILED",
  "ERR_JOSE_ALG_NOT_ALLOWED",
  "ERR_JOSE_NOT_SUPPORTED",
  "ERR_JWKS_NO_MATCHING_KEY",
  "ERR_JWKS_MULTIPLE_MATCHING_KEYS",
  "JsonWebTokenError",
  "TokenExpiredError",
  "NotBeforeError",
]);

export function isRefusal(error: unknown): boolean {
  return error instanceof Error && (refusals.has((error as { code?: unknown }).code) || refusals.has(error.name));
}
