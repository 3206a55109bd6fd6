import * as z from "../options/schema.js";
import { idSchema } from "../options/validation.js";
import { AuthenticationUnavailableError, type Identity, isRefusal } from "./identity.js";
import { issuerKeys } from "./issuer-keys.js";
import { type JwtAuthenticatorOptions, type JwtSettings, parseJwtOptions } from "./jwt-options.js";

/** The user whom a JWT names. */
export interface JwtIdentity extends Identity {
  /**
   * The time at which the user signed in: `auth_time`, which stays the same when a token is renewed, or `iat` if the
   * token has no `auth_time`. `undefined` if the claim is missing or is not a time.
   */
  readonly authenticatedAt: Date | undefined;
  /** All claims of the verified token. */
  readonly claims: Readonly<Record<string, unknown>>;
}

type Jose = typeof import("jose");
type VerificationKey = Parameters<Jose["jwtVerify"]>[1];

/**
 * Creates an authenticator for requests with `Authorization: Bearer` and a JWT. Requires the package `jose`, which you
 * install yourself.
 *
 * A token is accepted if the key has signed it with one of `algorithms`, and if its claims name the issuer, the
 * audience and a user. The token must have an `exp` in the future. If it has an `nbf`, that time must have passed.
 *
 * @returns a function for `authenticate`. The function returns `null` if the request does not have exactly one valid
 * token, and throws AuthenticationUnavailableError if the keys cannot be fetched or `jose` is not installed.
 * @throws InvalidOptionError if a rule is missing or the key does not suit the algorithms.
 *
 * @example
 * ```ts
 * const authenticate = jwtAuthenticator({
 *   jwks: "https://id.example.com/.well-known/jwks.json",
 *   algorithms: ["RS256"],
 *   issuer: "https://id.example.com",
 *   audience: "chat",
 *   orgIdClaim: "org_id",
 * });
 * ```
 */
export function jwtAuthenticator(options: JwtAuthenticatorOptions): (request: Request) => Promise<JwtIdentity | null> {
  const settings = parseJwtOptions(options);
  let verifier: Promise<Verifier> | undefined;
  return async (request) => {
    const jwt = bearerToken(request.headers);
    if (jwt === undefined) return null;
    verifier ??= makeVerifier(settings);
    const claims = await (await verifier)(jwt);
    return claims && identityOf(claims, settings);
  };
}

type Verifier = (jwt: string) => Promise<Record<string, unknown> | null>;

async function makeVerifier(settings: JwtSettings): Promise<Verifier> {
  const jose = await loadJose();
  const key = keyOf(jose, settings.source);
  const rules = {
    algorithms: [...settings.algorithms],
    issuer: [...settings.issuer],
    audience: [...settings.audience],
    clockTolerance: settings.clockToleranceSeconds,
    requiredClaims: ["exp", settings.userIdClaim],
    ...(settings.typ === undefined ? {} : { typ: settings.typ }),
  };
  return async (jwt) => {
    try {
      return (await jose.jwtVerify(jwt, key, rules)).payload;
    } catch (error) {
      if (isRefusal(error)) return null;
      throw error;
    }
  };
}

/** Imports jose on first use, so that a program with its own authenticator can be bundled without jose. */
async function loadJose(): Promise<Jose> {
  try {
    return await import("jose");
  } catch (cause) {
    throw new AuthenticationUnavailableError("jwtAuthenticator needs jose: npm install jose", { cause });
  }
}

function keyOf(jose: Jose, source: JwtSettings["source"]): VerificationKey {
  if ("key" in source) return source.key;
  if ("keys" in source) return jose.createLocalJWKSet({ keys: source.keys as never });
  return issuerKeys(jose, source.url);
}

/** Returns the bearer token (RFC 6750, 2.1). Two headers are joined by a comma, which the pattern does not match. */
function bearerToken(headers: Headers): string | undefined {
  return /^Bearer +([\w.~+/-]+=*)$/i.exec(headers.get("Authorization") ?? "")?.[1];
}

function identityOf(claims: Record<string, unknown>, settings: JwtSettings): JwtIdentity | null {
  const userId = z.safeParse(idSchema(), claims[settings.userIdClaim]);
  // For a user without an organisation, some providers set the claim to `null` and others omit it.
  const organisation = settings.orgIdClaim === undefined ? undefined : (claims[settings.orgIdClaim] ?? undefined);
  const orgId = z.safeParse(z.optional(idSchema()), organisation);
  if (!userId.success || !orgId.success) return null;
  const authenticatedAt = authenticationTime(claims);
  if (settings.notBefore !== undefined && !isLater(authenticatedAt, settings.notBefore)) return null;
  return {
    userId: userId.data,
    ...(orgId.data === undefined ? {} : { orgId: orgId.data }),
    authenticatedAt,
    claims,
  };
}

/** Returns the time of the sign-in. An `auth_time` that is not a time is not replaced by `iat`, which may be later. */
function authenticationTime(claims: Record<string, unknown>): Date | undefined {
  const seconds = claims["auth_time"] === undefined ? claims["iat"] : claims["auth_time"];
  const date = new Date(typeof seconds === "number" ? seconds * 1_000 : Number.NaN);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** Compares whole seconds, the precision of tokens. A time in the same second is not later. */
function isLater(time: Date | undefined, than: Date): boolean {
  return time !== undefined && Math.floor(time.getTime() / 1_000) > Math.floor(than.getTime() / 1_000);
}
