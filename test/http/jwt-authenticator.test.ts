// What a bearer token has to be (RFC 8725): of this issuer, for this audience, signed as agreed, now.
import { createPublicKey, createSecretKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, SignJWT, UnsecuredJWT } from "jose";
import { InvalidOptionError } from "langchain-redis-sessions";
import {
  AuthenticationUnavailableError,
  jwtAuthenticator,
  type JwtAuthenticatorOptions,
} from "langchain-redis-sessions/http";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { audience, issuer, sign } from "./support/jwt.js";

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = publicKey.export({ type: "spki", format: "pem" });
const now = Math.floor(Date.now() / 1_000);
const rs256 = { key: privateKey, header: { alg: "RS256" } };
const rules = { algorithms: ["RS256"], issuer, audience } as const;
const withKey = jwtAuthenticator({ ...rules, key: publicKey });

function withToken(token: string): Request {
  return new Request("http://app.test", { headers: { Authorization: `Bearer ${token}` } });
}
const claims = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({ sub: "ada", ...changes });

test("a good token tells who it is, and all that it says", async () => {
  const identity = await withKey(withToken(await sign(claims({ role: "admin" }), rs256)));
  expect(identity).toMatchObject({ userId: "ada", claims: { sub: "ada", role: "admin", iss: issuer } });
  expect(identity).not.toHaveProperty("orgId");
});

test("a token tells when its bearer signed in: auth_time, which a renewal keeps, else iat", async () => {
  const at = async (times: Record<string, unknown>) =>
    (await withKey(withToken(await sign(claims(times), rs256))))?.authenticatedAt;
  expect(await at({ auth_time: 5, iat: now })).toEqual(new Date(5_000));
  expect(await at({ iat: 7.5 })).toEqual(new Date(7_500));
  for (const none of [{}, { auth_time: "5", iat: now }, { auth_time: null, iat: now }, { auth_time: 1e300 }]) {
    const identity = await withKey(withToken(await sign(claims(none), rs256)));
    expect(identity).toHaveProperty("authenticatedAt", undefined);
  }
});

test("since notBefore a token of an earlier sign-in, or of the same second, is refused, renewed or not", async () => {
  const notBefore = new Date(now * 1_000 - 60_500);
  const second = Math.floor(notBefore.getTime() / 1_000);
  const strict = jwtAuthenticator({ ...rules, key: publicKey, notBefore });
  const identify = async (times: Record<string, unknown>) => strict(withToken(await sign(claims(times), rs256)));
  for (const early of [
    { auth_time: second },
    { auth_time: second, iat: now },
    { iat: second },
    { iat: second + 0.9 },
    {},
    { auth_time: "x", iat: now },
  ]) {
    expect(await identify(early), JSON.stringify(early)).toBeNull();
  }
  for (const later of [{ auth_time: second + 1 }, { iat: second + 1 }]) {
    expect(await identify(later), JSON.stringify(later)).toMatchObject({ userId: "ada" });
  }
  expect(() => jwtAuthenticator({ ...rules, key: publicKey, notBefore: 5 as never })).toThrow("notBefore: use a date");
});

test("claims of another name can hold user and organisation", async () => {
  const named = jwtAuthenticator({ ...rules, key: publicKey, userIdClaim: "uid", orgIdClaim: "org" });
  const identify = async (changes: Record<string, unknown>) => named(withToken(await sign(claims(changes), rs256)));
  expect(await identify({ uid: "ada", org: "acme" })).toMatchObject({ userId: "ada", orgId: "acme" });
  for (const without of [{ uid: "ada" }, { uid: "ada", org: null }]) {
    const identity = await identify(without);
    expect(identity).toMatchObject({ userId: "ada" });
    expect(identity).not.toHaveProperty("orgId");
  }
  for (const wrong of [{ uid: "ada", org: 7 }, { uid: "ada", org: "" }, { org: "acme" }]) {
    expect(await identify(wrong)).toBeNull();
  }
});

describe("a token is refused", () => {
  const secret = new Uint8Array(Buffer.from(pem));
  test.each<[string, () => string | Promise<string>]>([
    ["unsigned (alg none)", () => new UnsecuredJWT(claims({ iss: issuer, aud: audience, exp: now + 300 })).encode()],
    ["signed with the public key as a secret", () => sign(claims(), { key: secret, header: { alg: "HS256" } })],
    ["signed with another algorithm of the same key", () => sign(claims(), { ...rs256, header: { alg: "PS256" } })],
    [
      "signed with another key",
      () => sign(claims(), { ...rs256, key: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey }),
    ],
    ["of another issuer", () => sign(claims({ iss: "https://evil.test" }), rs256)],
    ["of no issuer", () => sign(claims({ iss: undefined }), rs256)],
    ["for another audience", () => sign(claims({ aud: "billing" }), rs256)],
    ["for no audience", () => sign(claims({ aud: undefined }), rs256)],
    ["that has expired", () => sign(claims({ exp: now - 1 }), rs256)],
    ["without expiry", () => sign(claims({ exp: undefined }), rs256)],
    ["with an expiry that is no number", () => sign(claims({ exp: String(now + 300) }), rs256)],
    ["that is not valid yet", () => sign(claims({ nbf: now + 100 }), rs256)],
    ["without a user", () => sign(claims({ sub: undefined }), rs256)],
    ["with an empty user", () => sign(claims({ sub: "" }), rs256)],
    ["with a user that is no string", () => sign(claims({ sub: { id: 1 } }), rs256)],
    ["with a user that is no id", () => sign(claims({ sub: "a".repeat(1_025) }), rs256)],
    [
      "with a critical extension",
      () =>
        new SignJWT(claims({ iss: issuer, aud: audience, exp: now + 300 }))
          .setProtectedHeader({ alg: "RS256", crit: ["x"], x: 1 })
          .sign(privateKey, { crit: { x: true } }),
    ],
    ["cut short", async () => (await sign(claims(), rs256)).slice(0, -3)],
    ["that is none", () => "a.b.c"],
  ])("%s", async (_name, token) => {
    expect(await withKey(withToken(await token()))).toBeNull();
  });

  test("of another type, where one is asked for", async () => {
    const typed = jwtAuthenticator({ ...rules, key: publicKey, typ: "at+jwt" });
    expect(await typed(withToken(await sign(claims(), rs256)))).toBeNull();
    const accessToken = await sign(claims(), { ...rs256, header: { alg: "RS256", typ: "at+jwt" } });
    expect(await typed(withToken(accessToken))).toMatchObject({ userId: "ada" });
  });

  test("in anything but one Authorization header with the scheme Bearer", async () => {
    const token = await sign(claims(), rs256);
    for (const value of [
      undefined,
      "",
      token,
      `Basic ${token}`,
      `Bearer ${token} x`,
      `Bearer ${token}, Bearer ${token}`,
    ]) {
      const headers = value === undefined ? {} : { Authorization: value };
      expect(await withKey(new Request(`http://app.test?access_token=${token}`, { headers })), value).toBeNull();
    }
    const headers = { Authorization: `bearer ${token}` };
    expect(await withKey(new Request("http://app.test", { headers }))).toMatchObject({ userId: "ada" });
  });
});

test("clocks may differ as much as was agreed", async () => {
  const lenient = jwtAuthenticator({ ...rules, key: publicKey, clockTolerance: "1m" });
  const request = async (changes: Record<string, unknown>) => withToken(await sign(claims(changes), rs256));
  expect(await lenient(await request({ exp: now - 30, nbf: now + 30 }))).toMatchObject({ userId: "ada" });
  expect(await lenient(await request({ exp: now - 90 }))).toBeNull();
});

describe("keys of the issuer", () => {
  let keys: object[] = [];
  let status = 200;
  /** In the place of the keys. */
  let answer: unknown;
  let fetched = 0;
  const server = createServer((_request, response) => {
    fetched += 1;
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(answer ?? { keys }));
  });
  let jwks: string;
  beforeAll(async () => {
    keys = [{ ...(await exportJWK(publicKey)), kid: "one", use: "sig" }];
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    jwks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  });
  afterAll(() => {
    server.close();
  });
  const withKid = (kid: string, alg = "RS256") => sign(claims(), { ...rs256, header: { alg, kid } });

  test("are fetched once, and found by kid", async () => {
    const remote = jwtAuthenticator({ ...rules, jwks });
    expect(await remote(withToken(await withKid("one")))).toMatchObject({ userId: "ada" });
    expect(await remote(withToken(await withKid("one")))).toMatchObject({ userId: "ada" });
    expect(await remote(withToken(await withKid("two")))).toBeNull();
    expect(fetched).toBe(1);
  });

  test("can be passed instead", async () => {
    const local = jwtAuthenticator({ ...rules, jwks: { keys: keys as Record<string, unknown>[] } });
    expect(await local(withToken(await withKid("one")))).toMatchObject({ userId: "ada" });
    expect(await local(withToken(await withKid("two")))).toBeNull();
  });

  test("a secret that the token itself names is not accepted", async () => {
    const remote = jwtAuthenticator({ ...rules, jwks: new URL(jwks) });
    const forged = await sign(claims(), {
      key: new Uint8Array(Buffer.from(pem)),
      header: { alg: "HS256", kid: "one" },
    });
    expect(await remote(withToken(forged))).toBeNull();
  });

  test("that cannot be fetched let nobody in, and do not call the token bad; later they are there", async () => {
    const remote = jwtAuthenticator({ ...rules, jwks });
    const good = withToken(await withKid("one"));
    status = 500;
    await expect(remote(good)).rejects.toThrow(AuthenticationUnavailableError);
    status = 200;
    await expect.poll(() => remote(good).catch(() => "unavailable")).toMatchObject({ userId: "ada" });
    const nowhere = jwtAuthenticator({ ...rules, jwks: "http://127.0.0.1:1/" });
    await expect(nowhere(good)).rejects.toThrow(AuthenticationUnavailableError);
  });

  test("are asked for at most once a second while they are unavailable, even with many requests", async () => {
    const remote = jwtAuthenticator({ ...rules, jwks });
    const forged = withToken(await withKid("of an attacker"));
    status = 500;
    const [before, begun] = [fetched, performance.now()];
    for (let count = 0; count < 100; count++) {
      await expect(remote(forged)).rejects.toThrow(AuthenticationUnavailableError);
    }
    await Promise.all(Array.from({ length: 100 }, () => remote(forged).catch(() => {})));
    const seconds = Math.floor((performance.now() - begun) / 1_000);
    expect(fetched - before).toBeLessThanOrEqual(1 + seconds);
    status = 200;
    await expect.poll(() => remote(forged).catch(() => "unavailable")).toBeNull();
  });

  test.each([
    [{ keys: [] }],
    [{ keys: [{ kty: "oct", k: "c2VjcmV0" }] }],
    [{ keys: [null, {}] }],
    [{ keys: "none" }],
    [{}],
    ["none"],
  ])("an answer without a public key, %j, calls no token bad; when they are back users are let in", async (nothing) => {
    const remote = jwtAuthenticator({ ...rules, jwks });
    const good = withToken(await withKid("one"));
    answer = nothing;
    await expect(remote(good)).rejects.toThrow(AuthenticationUnavailableError);
    await expect(remote(good)).rejects.toThrow(AuthenticationUnavailableError);
    answer = undefined;
    await expect
      .poll(() => remote(good).catch(() => "unavailable"), { timeout: 5_000 })
      .toMatchObject({ userId: "ada" });
  });

  test("that are known still let users in while the issuer has none to give for another", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const remote = jwtAuthenticator({ ...rules, jwks, clockTolerance: "1h" });
    expect(await remote(withToken(await withKid("one")))).toMatchObject({ userId: "ada" });
    // From then on jose asks again for a key id that it does not know.
    vi.setSystemTime(Date.now() + 31_000);
    answer = { keys: [] };
    await expect(remote(withToken(await withKid("two")))).rejects.toThrow(AuthenticationUnavailableError);
    expect(await remote(withToken(await withKid("one")))).toMatchObject({ userId: "ada" });
    answer = undefined;
    vi.useRealTimers();
  });
});

const secret = randomBytes(32);
test.each<[string, object]>([
  ["no key", { key: undefined }],
  ["a key and a jwks", { jwks: "https://id.test/jwks" }],
  ["no algorithm", { algorithms: [] }],
  ["no algorithms", { algorithms: undefined }],
  ["the algorithm none", { algorithms: ["none"] }],
  ["an unknown algorithm", { algorithms: ["RS257"] }],
  ["secret and public algorithms", { algorithms: ["RS256", "HS256"] }],
  ["secret and public algorithms with a secret", { algorithms: ["RS256", "HS256"], key: secret }],
  ["a public key as a secret", { algorithms: ["HS256"] }],
  ["a PEM as a secret", { algorithms: ["HS256"], key: Buffer.from(pem) }],
  ["a secret as a public key", { key: secret }],
  ["a private key", { key: privateKey }],
  ["a PEM that was not read", { key: pem }],
  ["a short secret", { algorithms: ["HS256"], key: randomBytes(31) }],
  ["a short secret of a longer hash", { algorithms: ["HS256", "HS512"], key: createSecretKey(secret) }],
  ["a jwks for secrets", { algorithms: ["HS256"], key: undefined, jwks: "https://id.test/jwks" }],
  ["a jwks that anybody on the way can change", { key: undefined, jwks: "http://id.test/jwks" }],
  ["a jwks that is no address", { key: undefined, jwks: "jwks.json" }],
  ["a jwks without keys", { key: undefined, jwks: { keys: [] } }],
  ["no issuer", { issuer: undefined }],
  ["an empty issuer", { issuer: "" }],
  ["an empty list of issuers", { issuer: [] }],
  ["no audience", { audience: undefined }],
  ["an empty audience", { audience: [""] }],
  ["an option that is none", { maxAge: 1 }],
])("%s is refused at once", (_name, change) => {
  const options = { ...rules, key: publicKey, ...change } as unknown as JwtAuthenticatorOptions;
  expect(() => jwtAuthenticator(options)).toThrow(InvalidOptionError);
});

test("a public key can be read from a PEM file, and a secret be given as a key object or CryptoKey", async () => {
  const read = jwtAuthenticator({ ...rules, key: createPublicKey(pem) });
  expect(await read(withToken(await sign(claims(), rs256)))).toMatchObject({ userId: "ada" });
  const cryptoKey = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  for (const key of [createSecretKey(secret), cryptoKey, new Uint8Array(secret)]) {
    const shared = jwtAuthenticator({ ...rules, algorithms: ["HS256"], key });
    expect(await shared(withToken(await sign(claims(), { key: secret })))).toMatchObject({ userId: "ada" });
  }
});
