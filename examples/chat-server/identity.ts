import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { SignJWT } from "jose";
import { jwtAuthenticator, type JwtIdentity } from "langchain-redis-sessions/http";

// The sign-ins of this service: JWTs that it signs itself, for users who have proved who they are. How they do that is
// decided elsewhere: demo-users.ts asks for no proof, oidc.ts asks an OpenID Connect provider.

export interface User {
  readonly id: string;
  readonly name: string;
}

interface SignInDetails {
  /** When the user proved who they are. Absent, now. */
  readonly at?: Date | undefined;
  /** The provider's id of its own session with the user, if a provider was asked. */
  readonly providerSession?: string | undefined;
}

export interface SignIns {
  /** Returns a JWT that says who its bearer is. */
  readonly signIn: (user: User, details?: SignInDetails) => Promise<string>;
  /** Returns a JWT for the same user and the same time of sign-in that is good for longer. */
  readonly renew: (identity: JwtIdentity) => Promise<string>;
  readonly authenticate: (request: Request) => Promise<JwtIdentity | null>;
  /** Also accepts a JWT that ran out, for as long as it may be renewed. */
  readonly authenticateLapsed: (request: Request) => Promise<JwtIdentity | null>;
}

export interface SignInSettings {
  /** The folder of the key, if none is given. */
  readonly folder: string;
  readonly key?: Uint8Array | undefined;
  /** How long a JWT is good before it has to be renewed. */
  readonly lifetimeSeconds: number;
  /** How long after the sign-in a JWT can be renewed. No JWT is good for longer. */
  readonly renewableSeconds: number;
}

const issuer = "langchain-redis-sessions/examples/chat-server";
const audience = "chat-server";
const algorithm = "HS256";

/** Opens the sign-ins. The key is kept, so that whoever is signed in stays so when the server restarts. */
export async function openSignIns(settings: SignInSettings): Promise<SignIns> {
  const { folder, lifetimeSeconds, renewableSeconds } = settings;
  const key = settings.key ?? (await keyIn(folder));
  const rules = { key, algorithms: [algorithm] as const, issuer, audience };
  const withinLapse = jwtAuthenticator({ ...rules, clockTolerance: renewableSeconds });

  const sign = (claims: { auth_time: number; name: string; sid?: string | undefined }, userId: string) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: algorithm })
      .setSubject(userId)
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime(
        Math.min(Math.floor(Date.now() / 1_000) + lifetimeSeconds, claims.auth_time + renewableSeconds),
      )
      .sign(key);

  return {
    signIn: ({ id, name }, { at = new Date(), providerSession } = {}) =>
      sign({ auth_time: Math.floor(at.getTime() / 1_000), name, sid: providerSession }, id),
    // The time of the sign-in stays: a renewal is no sign-in, and what refuses old ones refuses this one too.
    renew: ({ userId, claims }) =>
      sign(
        {
          auth_time: Number(claims["auth_time"]),
          name: nameOf(claims) ?? userId,
          sid: providerSessionOf(claims),
        },
        userId,
      ),
    authenticate: jwtAuthenticator(rules),
    authenticateLapsed: async (request) => {
      const identity = await withinLapse(request);
      const signedInAt = identity?.authenticatedAt?.getTime() ?? Number.NaN;
      return Date.now() < signedInAt + renewableSeconds * 1_000 ? identity : null;
    },
  };
}

/** Returns the user as the page shows them. */
export function userOf({ userId, claims }: JwtIdentity): User {
  return { id: userId, name: nameOf(claims) ?? userId };
}

/** Returns the provider's id of its session with the user, or `undefined` if no provider was asked. */
export function providerSessionOf(claims: JwtIdentity["claims"]): string | undefined {
  return typeof claims["sid"] === "string" ? claims["sid"] : undefined;
}

function nameOf(claims: JwtIdentity["claims"]): string | undefined {
  return typeof claims["name"] === "string" ? claims["name"] : undefined;
}

async function keyIn(folder: string): Promise<Uint8Array> {
  const file = path.join(folder, "identity.key");
  await mkdir(folder, { recursive: true });
  try {
    // Exclusive: of two that start at once, one writes it and both use it.
    await writeFile(file, randomBytes(32), { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const key = await readFile(file);
  if (key.length !== 32)
    throw new Error(`${file} is not a key of this service. Remove it, and everyone signs in anew.`);
  return key;
}
