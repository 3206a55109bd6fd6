import { KeyObject, type webcrypto } from "node:crypto";
import { types } from "node:util";
import { z } from "zod";
import { type Duration, durationSchema } from "../options/duration.js";
import { InvalidOptionError } from "../errors.js";
import { validate } from "../options/validation.js";

const secretAlgorithms = ["HS256", "HS384", "HS512"] as const;
// oxfmt-ignore
const publicAlgorithms = [
  "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
] as const;

/** A signature algorithm of a JWT (RFC 7518, RFC 8037). `none` is not one. */
export type JwtAlgorithm = (typeof secretAlgorithms)[number] | (typeof publicAlgorithms)[number];

/** A public key, or for HS256, HS384 and HS512 a secret; `createPublicKey(pem)` of `node:crypto` reads a PEM file. */
export type JwtKey = KeyObject | webcrypto.CryptoKey | Uint8Array;

interface JwtRules {
  /** Those that you sign with, and no other: the token does not choose. */
  algorithms: readonly JwtAlgorithm[];
  /** What `iss` must be, or one of them. */
  issuer: string | readonly string[];
  /** What `aud` must be or hold, or one of them: tokens for other services are refused. */
  audience: string | readonly string[];
  /** What the `typ` header must be, such as `"at+jwt"`; absent, anything. */
  typ?: string | undefined;
  /**
   * Since when a sign-in has to be newer, whoever's it is: `auth_time`, else `iat`, has to be in a later second. For an
   * incident, before `sessions.endEverybody()`: it holds for users, too, of whom nothing is stored.
   * @default any time
   */
  notBefore?: Date | undefined;
  /** How far clocks may differ, for `exp` and `nbf`. Absent, not at all. */
  clockTolerance?: Duration | undefined;
  /**
   * The claim that names the user.
   * @default "sub"
   */
  userIdClaim?: string | undefined;
  /** The claim that names the organisation; absent, users have none. A token without the claim, or with `null`, has none. */
  orgIdClaim?: string | undefined;
}

/** Options of {@link jwtAuthenticator}: what a token has to be, and either a `key` or a `jwks`. */
export type JwtAuthenticatorOptions = JwtRules &
  (
    | { key: JwtKey; jwks?: undefined }
    | {
        /**
         * The issuer's public keys: an `https:` address (`http:` on loopback only), from which they are fetched when
         * needed and every 10 minutes, or the set itself. While they cannot be fetched, or the answer holds no key, it
         * is asked at most once a second.
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

const word = z.string("use a string").min(1, "use a string that is not empty");
// Neither missing nor empty: a token that any issuer may have made for anybody authenticates nobody.
const words = z.union([word.transform((one) => [one]), z.array(word).min(1)], "use a string, or an array of strings");
const anArray = 'use an array of those that you sign with, such as ["RS256"]';
const schema = z.strictObject(
  {
    key: z.custom<JwtKey>(() => true).optional(),
    jwks: z
      .union(
        [z.string(), z.instanceof(URL), z.looseObject({ keys: z.array(z.record(z.string(), z.unknown())).min(1) })],
        "use an address or { keys }",
      )
      .optional(),
    algorithms: z
      .array(
        z.enum([...secretAlgorithms, ...publicAlgorithms], "use algorithms such as RS256; none is not one"),
        anArray,
      )
      .min(1, anArray),
    issuer: words,
    audience: words,
    typ: word.optional(),
    notBefore: z.date("use a date").optional(),
    clockTolerance: durationSchema().optional(),
    userIdClaim: word.default("sub"),
    orgIdClaim: word.optional(),
  },
  "pass an object with key or jwks, algorithms, issuer and audience",
);

export function parseJwtOptions(options: JwtAuthenticatorOptions): JwtSettings {
  const { key, jwks, clockTolerance, typ, orgIdClaim, notBefore, ...rules } = validate(schema, "options", options);
  if ((key === undefined) === (jwks === undefined)) {
    throw new InvalidOptionError("key", "pass either key or jwks.");
  }
  const withSecret = secretAlgorithms.some((one) => rules.algorithms.includes(one));
  if (withSecret && publicAlgorithms.some((one) => rules.algorithms.includes(one))) {
    throw new InvalidOptionError("algorithms", "use either HS256 and its like, or those with a public key: not both.");
  }
  if (withSecret && jwks !== undefined) {
    throw new InvalidOptionError("algorithms", "a jwks holds public keys: use RS256, ES256 and their like.");
  }
  if (key !== undefined && withSecret) assertSecret(key, rules.algorithms);
  if (key !== undefined && !withSecret && keyType(key) !== "public") {
    throw new InvalidOptionError("key", "these algorithms are checked with a public key: createPublicKey(pem).");
  }
  const clockToleranceSeconds = clockTolerance === undefined ? 0 : clockTolerance / 1_000;
  return { ...rules, source: sourceOf(key, jwks), typ, orgIdClaim, notBefore, clockToleranceSeconds };
}

/** A public key in the place of a secret would let anybody sign, as everybody has it. */
function assertSecret(key: JwtKey, algorithms: readonly JwtAlgorithm[]): void {
  if (keyType(key) !== "secret" || (key instanceof Uint8Array && Buffer.from(key).includes("-----BEGIN"))) {
    throw new InvalidOptionError(
      "key",
      "HS256 and its like are checked with a secret: bytes, as of Buffer.from(secret), not a public key or PEM.",
    );
  }
  // RFC 7518, 3.2: as long as the hash, so that it cannot be guessed from a token.
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

function sourceOf(key: JwtKey | undefined, jwks: z.output<typeof schema>["jwks"]): JwtSettings["source"] {
  if (key !== undefined) return { key };
  if (typeof jwks === "object" && "keys" in jwks) return { keys: jwks.keys };
  const url = typeof jwks === "string" && URL.canParse(jwks) ? new URL(jwks) : jwks;
  if (!(url instanceof URL) || (url.protocol !== "https:" && !isLoopback(url))) {
    throw new InvalidOptionError("jwks", "use an https: address; whoever can change the keys on the way is let in.");
  }
  return { url };
}

function isLoopback({ protocol, hostname }: URL): boolean {
  return protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}
