import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { SignJWT } from "jose";
import { jwtAuthenticator, type JwtIdentity } from "langchain-redis-sessions/http";

// A stand-in for your identity provider: two users, no passwords. In production this file goes, and with it POST
// /sign-in: the page gets its JWT from your provider, and `authenticate` is a jwtAuthenticator with the provider's
// `jwks`, issuer and audience. The rest of the service only knows `authenticate`.

export interface User {
  readonly id: string;
  readonly name: string;
}

export const users: readonly User[] = [
  { id: "ada", name: "Ada Lovelace" },
  { id: "bob", name: "Bob Kahn" },
];

export interface IdentityProvider {
  /** A JWT that says who its bearer is. */
  readonly signIn: (userId: string, at?: Date) => Promise<string>;
  readonly authenticate: (request: Request) => Promise<JwtIdentity | null>;
}

const issuer = "langchain-redis-sessions/examples/chat-server";
const audience = "chat-server";

/** Its key is kept in the folder, so that who is signed in stays so when the server restarts. */
export async function openIdentityProvider(folder: string, lifetimeSeconds: number): Promise<IdentityProvider> {
  const key = await keyIn(folder);
  return {
    signIn: (userId, at = new Date()) =>
      new SignJWT({ auth_time: Math.floor(at.getTime() / 1_000) })
        .setProtectedHeader({ alg: "HS256" })
        .setSubject(userId)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime(Math.floor(Date.now() / 1_000) + lifetimeSeconds)
        .sign(key),
    authenticate: jwtAuthenticator({ key, algorithms: ["HS256"], issuer, audience }),
  };
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
