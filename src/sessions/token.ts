import { hash, randomBytes } from "node:crypto";
import { InvalidTokenError } from "../errors.js";

// A token is one URL-safe word of fixed length:
//
//   lrs_ <tag: 16> <session id: 22> <secret: 43> <checksum: 6>
//
// Secret scanners find a leaked token by its prefix, and `idSchema` refuses it as an id. Tag and id lead to the session's
// record without a lookup. The secret is 256 random bits, and only its SHA-256 is ever sent to Redis. A fast hash is enough,
// because the secret cannot be guessed; OWASP asks for at least 64 bits of entropy in a session id. The checksum only serves
// to refuse typing errors and made-up tokens without a call to Redis.
const PREFIX = "lrs_";
/** The number of random bytes of a secret. */
export const SECRET_BYTES = 32;
const SHAPE = /^lrs_([\w-]{16})([\w-]{22})([\w-]{43})([\w-]{6})$/;

export interface ParsedToken {
  /** The part of the owner's keys that names the owner. See `ownerTag`. */
  readonly tag: string;
  readonly sessionId: string;
  readonly secretHash: string;
}

/**
 * Returns the hash of a new secret, and a function that makes the token of a session from the secret.
 *
 * @param bytes random bytes that are used for nothing else.
 */
export function newSecret(bytes: Buffer = randomBytes(SECRET_BYTES)): {
  secretHash: string;
  tokenFor: (tag: string, sessionId: string) => string;
} {
  const secret = bytes.toString("base64url");
  return {
    secretHash: hashSecret(secret),
    tokenFor: (tag, sessionId) => {
      const body = `${PREFIX}${tag}${sessionId}${secret}`;
      return body + checksum(body);
    },
  };
}

/**
 * Returns the parts of a token.
 *
 * @throws InvalidTokenError if the text is not a token. A made-up token with the right form is found out by Redis only.
 */
export function parseToken(token: string): ParsedToken {
  const [, tag, sessionId, secret, sum] = (typeof token === "string" && SHAPE.exec(token)) || [];
  if (tag === undefined || sessionId === undefined || secret === undefined || sum !== checksum(token.slice(0, -6))) {
    throw new InvalidTokenError();
  }
  return { tag, sessionId, secretHash: hashSecret(secret) };
}

function hashSecret(secret: string): string {
  return hash("sha256", secret, "base64url");
}

function checksum(body: string): string {
  return hash("sha256", body, "base64url").slice(0, 6);
}
