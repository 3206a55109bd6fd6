import { randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import { jwtAuthenticator } from "langchain-redis-sessions/http";

const secret = randomBytes(32);
export const issuer = "https://id.test";
export const audience = "chat";

/** The identity provider of the tests. */
export const authenticate: ReturnType<typeof jwtAuthenticator> = jwtAuthenticator({
  key: secret,
  algorithms: ["HS256"],
  issuer,
  audience,
  orgIdClaim: "org",
});

/** A good token, but for what is changed; an `undefined` claim is left out. */
export function sign(
  claims: Record<string, unknown>,
  {
    key = secret,
    header = { alg: "HS256" },
  }: { key?: Parameters<SignJWT["sign"]>[0]; header?: { alg: string; kid?: string; typ?: string } } = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({ iss: issuer, aud: audience, exp: now + 300, ...claims }).setProtectedHeader(header).sign(key);
}

export async function bearer(claims: Record<string, unknown>): Promise<{ Authorization: string }> {
  return { Authorization: `Bearer ${await sign(claims)}` };
}
