import { idSchema } from "../options/validation.js";
import { AuthenticationUnavailableError, type Identity, isRefusal } from "./identity.js";
import { issuerKeys } from "./issuer-keys.js";
import { type JwtAuthenticatorOptions, type JwtSettings, parseJwtOptions } from "./jwt-options.js";

/** Who a JWT says its bearer is. */
export interface JwtIdentity extends Identity {
  /** When its bearer signed in: `auth_time`, which a renewal keeps, else `iat`; `undefined`, neither is a time. */
  readonly authenticatedAt: Date | undefined;
  /** All that the token says, verified. */
  readonly claims: Readonly<Record<string, unknown>>;
}

type Jose = typeof import("jose");
type VerificationKey = Parameters<Jose["jwtVerify"]>[1];

/**
 * An authenticator for `Authorization: Bearer` with a JWT, on the `jose` package (install it beside this one). A token
 * is taken when it is signed with one of `algorithms` by the key, comes from the issuer, is for the audience, names a
 * user, and has an `exp` that is not over and an `nbf`, if any, that is.
 *
 * @returns a function for `authenticate`. It answers `null` for a request without exactly one such token, and throws
 * AuthenticationUnavailableError when the keys cannot be fetched or jose is not installed.
 * @throws InvalidOptionError when a rule is missing, or key and algorithms do not go together.
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

/** Only when it is needed, and caught: who has an authenticator of their own can bundle this without jose. */
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

/** RFC 6750, 2.1. The header twice is joined by a comma, which does not match. */
function bearerToken(headers: Headers): string | undefined {
  return /^Bearer +([\w.~+/-]+=*)$/i.exec(headers.get("Authorization") ?? "")?.[1];
}

function identityOf(claims: Record<string, unknown>, settings: JwtSettings): JwtIdentity | null {
  const userId = idSchema.safeParse(claims[settings.userIdClaim]);
  // Of a user without an organisation some providers say `null`, others leave the claim out.
  const orgId = idSchema
    .nullish()
    .safeParse(settings.orgIdClaim === undefined ? undefined : claims[settings.orgIdClaim]);
  if (!userId.success || !orgId.success) return null;
  const authenticatedAt = authenticationTime(claims);
  if (settings.notBefore !== undefined && !isLater(authenticatedAt, settings.notBefore)) return null;
  return {
    userId: userId.data,
    ...(orgId.data == null ? {} : { orgId: orgId.data }),
    authenticatedAt,
    claims,
  };
}

/** What is there and no time is not replaced by what is later. */
function authenticationTime(claims: Record<string, unknown>): Date | undefined {
  const seconds = claims["auth_time"] === undefined ? claims["iat"] : claims["auth_time"];
  const date = new Date(typeof seconds === "number" ? seconds * 1_000 : Number.NaN);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** In whole seconds, as tokens have it: the same one is not later. */
function isLater(time: Date | undefined, than: Date): boolean {
  return time !== undefined && Math.floor(time.getTime() / 1_000) > Math.floor(than.getTime() / 1_000);
}
