import { KeyObject, type webcrypto } from "node:crypto";
import { types } from "node:util";
import * as z from "../options/schema.js";
import { type Duration, durationSchema } from "../options/duration.js";
import { InvalidOptionError } from "../errors.js";
import { validate } from "../options/validation.js";
import { once } from "../options/once.js";

const secretAlgorithms = ["HS256", "HS384", "HS512"] as const;
// oxfmt-ignore
const publicAlgorithms = [
  "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
] as const;

/**
 * A signature algorithm of a JWT (RFC 7518, RFC 8037): HS256, HS384 or HS512 with a secret; RS256, RS384, RS512, PS256,
 * PS384, PS512, ES256, ES384, ES512, EdDSA or Ed25519 with a public key. `none` is not accepted.
 */
export type JwtAlgorithm = (typeof secretAlgorithms)[number] | (typeof publicAlgorithms)[number];

/**
 * A public key, or a secret for HS256, HS384 and HS512. To read a public key from PEM text, use `createPublicKey(pem)`
 * of `node:crypto`.
 */
export type JwtKey = KeyObject | webcrypto.CryptoKey | Uint8Array;

interface JwtRules {
  /** The algorithms that your tokens are signed with. A token with any other algorithm is refused. */
  algorithms: readonly JwtAlgorithm[];
  /** The required value of `iss`, or several allowed values. */
  issuer: string | readonly string[];
  /** The value that `aud` must be or contain, or several allowed values. A token for another service is refused. */
  audience: string | readonly string[];
  /**
   * The required value of the `typ` header, such as `"at+jwt"`.
   * @default any value
   */
  typ?: string | undefined;
  /**
   * The time after which users must have signed in: `auth_time`, or `iat` if there is no `auth_time`, must be in a
   * later second. After an incident, set it before you call `sessions.endEverybody()`. It also applies to users of whom
   * nothing is stored.
   * @default no limit
   */
  notBefore?: Date | undefined;
  /**
   * The difference between clocks that is tolerated for `exp` and `nbf`.
   * @default none
   */
  clockTolerance?: Duration | undefined;
  /**
   * The claim that names the user.
   * @default "sub"
   */
  userIdClaim?: string | undefined;
  /**
   * The claim that names the organisation. A token without the claim, or with `null`, has no organisation.
   * @default users have no organisation
   */
  orgIdClaim?: string | undefined;
}

/** Options of {@link jwtAuthenticator}: the rules for a token, and either a `key` or a `jwks`. */
export type JwtAuthenticatorOptions = JwtRules &
  (
    | { key: JwtKey; jwks?: undefined }
    | {
        /**
         * The issuer's public keys: the set itself, or an `https:` address (`http:` only on loopback). Keys at an
         * address are fetched when they are needed, and again after 10 minutes. After a fetch that fails or returns no
         * key, the next one is made a second later at the earliest.
         */
        jwks: string | URL | { readonly keys: readonly Readonly<Record<string, unknown>>[] };
        key?: undefined;
      }
  );

export interface JwtSettings {
  readonly source: { key: JwtKey } | { url: URL } | { keys: readonly Readonly<Record<string, unknown>>[] };
  readonly algorithms: readonly JwtAlgorithm[];
  readonly issuer: readonly string[];
  readonly audience: readonly string[];
  readonly typ: string | undefined;
  readonly notBefore: Date | undefined;
  readonly clockToleranceSeconds: number;
  readonly userIdClaim: string;
  readonly orgIdClaim: string | undefined;
}

const word = once(() => z.check(z.string("use a string"), z.minLength(1, "use a string that is not empty")));
// Required and not empty: a token of any issuer, or for any audience, would prove nothing.
const words = once(() =>
  z.union(
    [z.transform(word(), (one) => [one]), z.check(z.array(word()), z.minLength(1))],
    "use a string, or an array of strings",
  ),
);
const anArray = 'use an array of the algorithms that you sign with, such as ["RS256"]';
const schema = once(() =>
  z.strictObject(
    {
      key: z.optional(z.custom<JwtKey>(() => true)),
      jwks: z.optional(
        z.union(
          [
            z.string(),
            z.instanceof(URL),
            z.looseObject({ keys: z.check(z.array(z.record(z.string(), z.unknown())), z.minLength(1)) }),
          ],
          "use an address or { keys }",
        ),
      ),
      algorithms: z.check(
        z.array(
          z.enum([...secretAlgorithms, ...publicAlgorithms], 'use algorithms such as "RS256"; "none" is not accepted'),
          anArray,
        ),
        z.minLength(1, anArray),
      ),
      issuer: words(),
      audience: words(),
      typ: z.optional(word()),
      notBefore: z.optional(z.date("use a date")),
      clockTolerance: z.optional(durationSchema()),
      userIdClaim: z._default(word(), "sub"),
      orgIdClaim: z.optional(word()),
    },
    "pass an object with key or jwks, algorithms, issuer and audience",
  ),
);

export function parseJwtOptions(options: JwtAuthenticatorOptions): JwtSettings {
  const { key, jwks, clockTolerance, typ, orgIdClaim, notBefore, ...rules } = validate(schema(), "options", options);
  if ((key === undefined) === (jwks === undefined)) {
    throw new InvalidOptionError("key", "pass either key or jwks.");
  }
  const withSecret = secretAlgorithms.some((one) => rules.algorithms.includes(one));
  if (withSecret && publicAlgorithms.some((one) => rules.algorithms.includes(one))) {
    throw new InvalidOptionError("algorithms", "use HS256, HS384 and HS512, or public-key algorithms, but not both.");
  }
  if (withSecret && jwks !== undefined) {
    throw new InvalidOptionError("algorithms", "a jwks contains public keys. Use algorithms such as RS256 or ES256.");
  }
  if (key !== undefined && withSecret) assertSecret(key, rules.algorithms);
  if (key !== undefined && !withSecret && keyType(key) !== "public") {
    throw new InvalidOptionError("key", "these algorithms need a public key. Use createPublicKey(pem).");
  }
  const clockToleranceSeconds = clockTolerance === undefined ? 0 : clockTolerance / 1_000;
  return { ...rules, source: sourceOf(key, jwks), typ, orgIdClaim, notBefore, clockToleranceSeconds };
}

/**
 * Throws if the key is not a secret, or is too short. Anyone could sign tokens if a public key served as the secret.
 */
function assertSecret(key: JwtKey, algorithms: readonly JwtAlgorithm[]): void {
  if (keyType(key) !== "secret" || (key instanceof Uint8Array && Buffer.from(key).includes("-----BEGIN"))) {
    throw new InvalidOptionError(
      "key",
      "HS256, HS384 and HS512 need a secret, such as Buffer.from(secret), not a public key or PEM text.",
    );
  }
  // RFC 7518, 3.2: the secret is at least as long as the hash, so that it cannot be found by guessing.
  const needed = Math.max(...algorithms.map((algorithm) => Number(algorithm.slice(2)) / 8));
  const length = key instanceof Uint8Array ? key.byteLength : key instanceof KeyObject ? key.symmetricKeySize : needed;
  if (length === undefined || length < needed) {
    throw new InvalidOptionError("key", `use a secret of at least ${needed} random bytes.`);
  }
}

function keyType(key: unknown): string | undefined {
  if (key instanceof Uint8Array) return "secret";
  return key instanceof KeyObject || types.isCryptoKey(key) ? key.type : undefined;
}

function sourceOf(key: JwtKey | undefined, jwks: z.output<ReturnType<typeof schema>>["jwks"]): JwtSettings["source"] {
  if (key !== undefined) return { key };
  if (typeof jwks === "object" && "keys" in jwks) return { keys: jwks.keys };
  const url = typeof jwks === "string" && URL.canParse(jwks) ? new URL(jwks) : jwks;
  if (!(url instanceof URL) || (url.protocol !== "https:" && !isLoopback(url))) {
    throw new InvalidOptionError("jwks", "use an https: address. Over http:, an attacker could replace the keys.");
  }
  return { url };
}

function isLoopback({ protocol, hostname }: URL): boolean {
  return protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}
