import { LangChainRedisError } from "../errors.js";

/** Who sent a request, as your `authenticate` found out. */
export interface Identity {
  readonly userId: string;
  /** The user's organisation; absent, none: then a session of an organisation is not theirs. */
  readonly orgId?: string | undefined;
  /**
   * When they proved who they are, by the clock of whoever checked it. `undefined`: not known, and refused once all
   * sessions of the user were ended. Left out, not compared. Pass it to `sessions.create`, too.
   */
  readonly authenticatedAt?: Date | undefined;
}

/** Who sent the request cannot be told at the moment, say because the identity provider is away. Answered with 503. */
export class AuthenticationUnavailableError extends LangChainRedisError {
  override readonly name = "AuthenticationUnavailableError";
  override readonly code = "AUTHENTICATION_UNAVAILABLE";
}

/**
 * What jose and jsonwebtoken throw for a token that is not good, by their stable codes and names. Anything else that an
 * authenticator throws is a fault of the program or its surroundings, and no verdict on the credentials.
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
