// Signing in with a real OpenID Connect provider on this machine, and being signed out by it.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshId } from "../support/turns.js";
import { client, startOpenIdProvider, type TestProvider } from "./support/openid-provider.js";
import { PageVisitor } from "./support/page-visitor.js";
import { sentEvents } from "./support/sent-events.js";
import { startTestService, type TestService } from "./support/service.js";
import { Wanderer } from "./support/wanderer.js";

let provider: TestProvider;
let service: TestService;
beforeAll(async () => {
  // The provider has to know the service's address, and the service the provider's.
  const port = await freePort();
  provider = await startOpenIdProvider(`http://127.0.0.1:${port}`);
  service = await startTestService({
    environment: {
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: client.id,
      OIDC_CLIENT_SECRET: client.secret,
    },
  });
});
afterAll(async () => {
  await service.stop();
  await provider.stop();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const SIGN_IN = "__Host-sign-in";

async function inSession(userId: string): Promise<{ browser: Wanderer; page: PageVisitor }> {
  const browser = new Wanderer();
  await browser.signIn(service.url, userId);
  const page = new PageVisitor(service.url, browser.cookies);
  await page.start();
  return { browser, page };
}

test("a user signs in with the provider, comes back to where they were, and starts a session", async () => {
  const userId = freshId();
  const browser = new Wanderer();
  const conversation = "/c/AAAAAAAAAAAAAAAAAAAAAA";
  expect(await browser.signIn(service.url, userId, `?to=${conversation}`)).toBe(service.url + conversation);
  const page = new PageVisitor(service.url, browser.cookies);
  expect(await page.send("/session")).toMatchObject({ status: 440, json: { code: "SESSION_TOKEN_MISSING" } });
  const { json } = await page.start();
  expect(json.user).toEqual({ id: userId, name: `${userId} of the provider` });
  expect((await page.send("/agents/assistant/chat", { body: { message: "Hi" } })).status).toBe(200);
  expect((await page.send("/sign-in/renew", { body: {} })).json.user).toEqual(json.user);
  // PKCE, state and nonce were all asked for.
  const asked = browser.visited.find((address) => address.startsWith(`${provider.issuer}/auth?`)) ?? "";
  for (const name of ["code_challenge", "state", "nonce"]) expect(new URL(asked).searchParams.has(name)).toBe(true);
});

test("the demo's way to sign in is gone, and the browser is sent to no other site", async () => {
  const nobody = new PageVisitor(service.url);
  expect((await nobody.send("/users")).status).toBe(404);
  expect((await nobody.send("/sign-in", { body: { user: "ada", cookie: true } })).status).toBe(404);
  for (const to of ["//evil.example", "https://evil.example/", "/\\evil.example", "/sign-out"]) {
    const browser = new Wanderer();
    const arrived = await browser.signIn(service.url, freshId(), `?to=${encodeURIComponent(to)}`);
    expect(arrived, to).toBe(`${service.url}/`);
  }
});

test("an answer of the provider's signs nobody in with another state, in another browser, or a second time", async () => {
  const browser = new Wanderer();
  const { url: form } = await browser.go(`${service.url}/sign-in/start`);
  expect(form).toContain("/interaction/");
  const kept = new Map(browser.cookies);
  await browser.signIn(service.url, freshId());
  const used = browser.visited.find((address) => address.includes("/sign-in/callback?")) ?? "";
  const request = "__Host-sign-in-request";
  const refused = async (address: string, cookies: Iterable<[string, string]>): Promise<void> => {
    const other = new Wanderer();
    for (const [name, value] of cookies) other.cookies.set(name, value);
    expect((await other.go(address)).url).toBe(`${service.url}/?sign-in=failed`);
    expect([...other.cookies.keys()]).not.toContain(SIGN_IN);
    expect([...other.cookies.keys()]).not.toContain(request);
  };
  // In a browser that did not ask, and in one that asked for another sign-in.
  await refused(used, []);
  await refused(used, [[request, kept.get(request) ?? ""]]);
  await refused(used, [[request, "not a request"]]);

  // In the browser that asked, with the request that it had: the code is used up.
  const again = new Wanderer();
  const asked = await again.go(`${service.url}/sign-in/start`);
  const own: [string, string][] = [[request, again.cookies.get(request) ?? ""]];
  await again.fill(asked, freshId());
  const answer = new URL(again.visited.findLast((address) => address.includes("/sign-in/callback?")) ?? "");
  expect(again.cookies.has(SIGN_IN)).toBe(true);
  await refused(answer.href, own);
  // And what the provider refused, or somebody changed, is no better.
  const state = answer.searchParams.get("state");
  await refused(`${service.url}/sign-in/callback?error=access_denied&state=${state}&iss=${provider.issuer}`, own);
  answer.searchParams.set("state", "another");
  await refused(answer.href, own);
});

test("a code is worth nothing with another state, verifier or nonce than those of its request", async () => {
  const request = "__Host-sign-in-request";
  for (const changed of ["state", "verifier", "nonce"]) {
    const browser = new Wanderer();
    const form = await browser.go(`${service.url}/sign-in/start`);
    const own = JSON.parse(Buffer.from(browser.cookies.get(request) ?? "", "base64url").toString()) as object;
    const other = JSON.stringify({ ...own, [changed]: "A".repeat(43) });
    browser.cookies.set(request, Buffer.from(other).toString("base64url"));
    expect(await browser.fill(form, freshId()), changed).toBe(`${service.url}/?sign-in=failed`);
    expect(browser.cookies.has(SIGN_IN), changed).toBe(false);
  }
});

test("signing out at the provider ends the sessions of that sign-in, tells the page, and begins no other", async () => {
  const userId = freshId();
  const [here, there] = [await inSession(userId), await inSession(userId)];
  const stream = await fetch(`${service.url}/session/events`, {
    headers: { Cookie: [...here.browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
  });
  const ended = (async () => {
    for await (const { event, data } of sentEvents(stream)) if (event === "ended") return data as unknown;
    return undefined;
  })();
  await here.browser.signOutAt(provider.issuer);
  expect(await ended).toEqual({ reason: "ended" });
  expect((await here.page.send("/session")).status).toBe(440);
  // Its JWT is not good for another session, and cannot be renewed.
  expect((await here.page.send("/sign-in/renew", { body: {} })).status).toBe(440);
  const start = await here.page.send("/sessions", { body: { agentId: "assistant" } });
  expect(start).toMatchObject({ status: 401, json: { code: "REAUTHENTICATION_REQUIRED" } });
  // Signed in separately, signed in still.
  expect((await there.page.send("/session")).status).toBe(200);
  expect((await there.page.send("/sessions")).json.sessions).toHaveLength(1);
  // And the user can sign in again.
  await here.browser.signIn(service.url, userId);
  await here.page.start();
  expect((await here.page.send("/session")).status).toBe(200);
});

test("who proves again who they are keeps the session; another user gets another one", async () => {
  const userId = freshId();
  const { browser, page } = await inSession(userId);
  const token = browser.cookies.get("__Host-session");
  await browser.signIn(service.url, userId, "?again");
  expect(browser.cookies.get("__Host-session")).toBe(token);
  expect((await page.send("/session")).status).toBe(200);
  const asked = browser.visited.findLast((address) => address.startsWith(`${provider.issuer}/auth?`)) ?? "";
  expect(new URL(asked).searchParams.get("prompt")).toBe("login");
  // At the provider it is another browser's turn.
  for (const name of browser.cookies.keys()) if (name.startsWith("_session")) browser.cookies.delete(name);
  await browser.signIn(service.url, freshId(), "?again");
  expect(browser.cookies.has("__Host-session")).toBe(false);
});

const event = { "http://schemas.openid.net/event/backchannel-logout": {} };
const now = (): number => Math.floor(Date.now() / 1_000);
/** The claims of a good logout token. */
const good = (sub: string): Record<string, unknown> => ({
  iss: provider.issuer,
  aud: client.id,
  iat: now(),
  exp: now() + 120,
  jti: freshId(),
  events: event,
  sub,
});
const send = (token: string) =>
  fetch(`${service.url}/sign-in/logout-token`, { method: "POST", body: new URLSearchParams({ logout_token: token }) });

test.each<readonly [string, (sub: string) => Promise<string> | string]>([
  ["of another issuer", (sub) => provider.sign({ ...good(sub), iss: "https://id.example.com" })],
  ["for another service", (sub) => provider.sign({ ...good(sub), aud: "another" })],
  ["that ran out", (sub) => provider.sign({ ...good(sub), exp: now() - 1 })],
  ["that is old", (sub) => provider.sign({ ...good(sub), iat: now() - 301, exp: undefined })],
  ["of the future", (sub) => provider.sign({ ...good(sub), iat: now() + 60 })],
  ["without a time", (sub) => provider.sign({ ...good(sub), iat: undefined })],
  ["without an id", (sub) => provider.sign({ ...good(sub), jti: undefined })],
  ["without a user", (sub) => provider.sign({ ...good(sub), sub: undefined, sid: "a" })],
  ["without the event", (sub) => provider.sign({ ...good(sub), events: {} })],
  ["without events, as an ID token", (sub) => provider.sign({ ...good(sub), events: undefined })],
  ["with a nonce, as an ID token", (sub) => provider.sign({ ...good(sub), nonce: "n" })],
  ["without a signature", (sub) => new UnsecuredJWT(good(sub)).encode()],
  ["that is none", () => "x"],
  [
    "signed with the client's secret",
    (sub) => new SignJWT(good(sub)).setProtectedHeader({ alg: "HS256" }).sign(Buffer.from(client.secret)),
  ],
])("a logout token %s ends nothing: 400", async (_what, token) => {
  const userId = freshId();
  const { page } = await inSession(userId);
  const { status, headers } = await send(await token(userId));
  expect({ status, cache: headers.get("Cache-Control") }).toEqual({ status: 400, cache: "no-store" });
  expect((await page.send("/session")).status).toBe(200);
});

test("a logout token without the provider's session ends all of the user's, and works once", async () => {
  const userId = freshId();
  const [here, there, other] = [await inSession(userId), await inSession(userId), await inSession(freshId())];
  const token = await provider.sign(good(userId));
  expect((await send(token)).status).toBe(200);
  for (const { page } of [here, there]) expect((await page.send("/session")).status).toBe(440);
  expect((await other.page.send("/session")).status).toBe(200);
  // Sign-ins of the same second count as earlier ones.
  await expect
    .poll(async () => {
      await here.browser.signIn(service.url, userId, "?again");
      return (await here.page.send("/sessions", { body: { agentId: "assistant" } })).status;
    })
    .toBe(201);
  expect((await send(token)).status).toBe(400);
  expect((await here.page.send("/sessions", { headers: { "X-Expected-Session": "" } })).json.sessions).toHaveLength(1);
});

test("while the provider cannot be asked the page says so, and sessions go on", async () => {
  const away = await startTestService({
    environment: {
      PUBLIC_URL: "http://127.0.0.1:1",
      OIDC_ISSUER: "http://127.0.0.1:1",
      OIDC_CLIENT_ID: client.id,
      OIDC_CLIENT_SECRET: client.secret,
    },
  });
  const { url } = await new Wanderer().go(`${away.url}/sign-in/start`);
  expect(url).toBe(`${away.url}/?sign-in=failed`);
  const page = new PageVisitor(away.url, new Map([[SIGN_IN, await away.jwtFor("ada")]]));
  await page.start();
  expect((await page.send("/session")).status).toBe(200);
  const body = new URLSearchParams({ logout_token: await provider.sign(good("ada")) });
  expect((await fetch(`${away.url}/sign-in/logout-token`, { method: "POST", body })).status).toBe(503);
  await away.stop();
});
