// The page's way of asking: two cookies, which its scripts cannot read.
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshId } from "../support/turns.js";
import { PageVisitor } from "./support/page-visitor.js";
import { startTestService, type TestService } from "./support/service.js";
import { Visitor } from "./support/visitor.js";

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ environment: { MAX_SESSIONS_PER_USER: "100" } });
});
afterAll(() => service.stop());

const SIGN_IN = "__Host-sign-in";
const SESSION = "__Host-session";

/** A browser of a user with an id of their own, who signed in at that time. */
async function inSession(userId: string, at?: Date): Promise<PageVisitor> {
  const visitor = new PageVisitor(service.url, new Map([[SIGN_IN, await service.jwtFor(userId, at)]]));
  await visitor.start();
  return visitor;
}

test("the answers of sign-in, start and rotation have no secret; both cookies are HttpOnly, Secure, Strict", async () => {
  const page = new PageVisitor(service.url);
  const signedIn = await page.signIn();
  expect(signedIn.json).toEqual({ user: { id: "ada", name: "Ada Lovelace" } });
  const started = await page.start();
  expect(Object.keys(started.json)).toEqual(["session", "user", "ended"]);
  const before = page.cookies.get(SESSION);
  const rotated = await page.send("/sessions/rotate", { method: "POST" });
  expect(Object.keys(rotated.json)).toEqual(["session"]);
  expect(page.cookies.get(SESSION)).not.toBe(before);
  for (const { headers } of [signedIn, started, rotated]) {
    const [cookie = "", ...others] = headers.getSetCookie();
    expect(others).toEqual([]);
    expect(cookie.split("; ").slice(1).toSorted()).toEqual(["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]);
    expect(headers.get("Cache-Control")).toBe("no-store");
  }
  const { status, json } = await page.send("/session");
  expect({ status, json }).toMatchObject({
    status: 200,
    json: { session: { id: page.session.id }, user: { id: "ada", name: "Ada Lovelace" } },
  });
  expect((await page.send("/agents/assistant/chat", { body: { message: "Hi" } })).status).toBe(200);
});

test("a program's session has the user too, and its answers have the token", async () => {
  const ada = await Visitor.inSession(service.url);
  expect((await ada.send("/session")).json.user).toEqual({ id: "ada", name: "Ada Lovelace" });
  const { json, headers } = await ada.send("/sessions/rotate", { method: "POST" });
  expect(json.token).toMatch(/^lrs_/);
  expect(headers.getSetCookie()).toEqual([]);
});

test("headers and cookies are never mixed: with one header the cookies do not count", async () => {
  const page = await PageVisitor.inSession(service.url);
  const jwt = page.cookies.get(SIGN_IN) ?? "";
  const token = page.cookies.get(SESSION) ?? "";
  const withJwt = await page.send("/session", { headers: { Authorization: `Bearer ${jwt}` } });
  expect(withJwt).toMatchObject({ status: 440, json: { code: "SESSION_TOKEN_MISSING" } });
  const withToken = await page.send("/session", { headers: { "X-Session-Id": token } });
  expect(withToken).toMatchObject({ status: 401, json: { code: "UNAUTHENTICATED" } });
  const empty = await page.send("/session", { headers: { Authorization: "Bearer" } });
  expect(empty.status).toBe(401);
});

test("two cookies of a name are refused, and one whose name only looks like it is another cookie", async () => {
  const page = await PageVisitor.inSession(service.url);
  const [jwt, token] = [page.cookies.get(SIGN_IN) ?? "", page.cookies.get(SESSION) ?? ""];
  const asks = (Cookie: string) => page.send("/session", { headers: { Cookie } });
  const own = `${SIGN_IN}=${jwt}; ${SESSION}=${token}`;
  expect((await asks(own)).status).toBe(200);
  expect((await asks(`${own}; ${SIGN_IN}=${jwt}`)).status).toBe(401);
  expect((await asks(`${SIGN_IN}=x; ${own}`)).status).toBe(401);
  expect((await asks(`${own}; ${SESSION}=${token}`)).status).toBe(400);
  expect((await asks(`\u00A0${SIGN_IN}=planted; x${SIGN_IN}=planted;${own}`)).status).toBe(200);
});

test("a tab that shows another session changes nothing in this one: each request gets 412", async () => {
  const browser = await PageVisitor.inSession(service.url, "ada");
  const stale = browser.tab();
  await browser.signIn("bob");
  // Between the two steps of signing in nobody is in.
  expect((await stale.send("/memory/key", { method: "PUT", body: { value: "Ada's" } })).status).toBe(403);
  await browser.start();
  const before = new Map(browser.cookies);
  for (const [method, path, body] of [
    ["PUT", "/memory/key", { value: "Ada's" }],
    ["GET", "/memory/key", undefined],
    ["GET", "/session/events", undefined],
    ["POST", "/agents/assistant/chat", { message: "I am Ada" }],
    ["POST", "/sessions/rotate", {}],
    ["POST", "/sign-in/renew", {}],
    ["POST", "/sign-out", {}],
    ["DELETE", "/me", undefined],
  ] as const) {
    expect(await stale.send(path, { method, body }), path).toMatchObject({
      status: 412,
      json: { code: "SESSION_CHANGED" },
    });
    if (method === "GET") continue;
    const silent = await stale.send(path, { method, body, headers: { "X-Expected-Session": "" } });
    expect(silent.status, path).toBe(412);
  }
  expect(browser.cookies).toEqual(before);
  const asked = await stale.send("/session", { headers: { "X-Expected-Session": "" } });
  expect(asked.json.user.id).toBe("bob");
  expect((await browser.send("/memory/key")).status).toBe(404);
});

test("signing in again in a browser ends the session that it had", async () => {
  const userId = freshId();
  const browser = await inSession(userId);
  const before = new Map(browser.cookies);
  await browser.start();
  expect((await browser.send("/sessions")).json.sessions).toHaveLength(1);
  const old = new PageVisitor(service.url, before);
  expect(await old.send("/session")).toMatchObject({ status: 440, json: { reason: "ended" } });
});

test("signing out ends the session and clears both cookies, also after the JWT ran out", async () => {
  for (const jwtIsGood of [true, false]) {
    const userId = freshId();
    const browser = await inSession(userId);
    const other = await inSession(userId);
    const kept = new Map(browser.cookies);
    if (!jwtIsGood) browser.cookies.set(SIGN_IN, await service.lapsedJwtFor(userId));
    expect((await browser.send("/sign-out", { body: {} })).json).toEqual({ ended: true });
    expect(browser.cookies.size).toBe(0);
    expect((await new PageVisitor(service.url, kept).send("/session")).status).toBe(440);
    expect((await other.send("/sessions")).json.sessions).toHaveLength(1);
    // Once more is as good.
    expect((await browser.send("/sign-out", { body: {} })).status).toBe(200);
  }
});

test("a JWT that ran out is renewed in a live session, and keeps the time of the sign-in", async () => {
  const userId = freshId();
  const browser = await inSession(userId);
  const signedInAt = new Date(Date.now() - 3_600_000);
  browser.cookies.set(SIGN_IN, await service.lapsedJwtFor(userId, signedInAt));
  expect(await browser.send("/sessions")).toMatchObject({ status: 401, json: { code: "UNAUTHENTICATED" } });
  // A page that was opened anew learns here which session it is in.
  expect((await browser.send("/session")).json.session.id).toBe(browser.session.id);
  const { status, json } = await browser.send("/sign-in/renew", { body: {} });
  expect({ status, json }).toEqual({ status: 200, json: { user: { id: userId, name: userId } } });
  expect((await browser.send("/sessions")).status).toBe(200);
  // It is no recent sign-in.
  expect(await browser.send("/sessions/end-all", { body: {} })).toMatchObject({
    status: 401,
    json: { code: "REAUTHENTICATION_REQUIRED" },
  });
});

test("a program renews its JWT too, with its session's token", async () => {
  const userId = freshId();
  const ada = new Visitor(service.url, await service.jwtFor(userId));
  await ada.start();
  const lapsed = Object.assign(new Visitor(service.url, await service.lapsedJwtFor(userId)), { token: ada.token });
  expect((await lapsed.send("/session")).status).toBe(401);
  const { json } = await lapsed.send("/sign-in/renew", { method: "POST" });
  const renewed = Object.assign(new Visitor(service.url, json.jwt), { token: ada.token });
  expect((await renewed.send("/session")).status).toBe(200);
});

test("a copied JWT is not renewed without its session's cookie, or with the cookie of another user", async () => {
  const userId = freshId();
  await inSession(userId);
  for (const jwt of [await service.jwtFor(userId), await service.lapsedJwtFor(userId)]) {
    const thief = new PageVisitor(service.url, new Map([[SIGN_IN, jwt]]));
    expect((await thief.send("/sign-in/renew", { body: {} })).status).toBe(440);
    const own = await inSession(freshId());
    thief.cookies.set(SESSION, own.cookies.get(SESSION) ?? "");
    expect((await thief.send("/sign-in/renew", { body: {} })).status).toBe(403);
  }
});

test("a JWT is not renewed once LIFETIME has passed since the sign-in, even if the session is live", async () => {
  const userId = freshId();
  const browser = await inSession(userId);
  const week = 7 * 86_400_000;
  browser.cookies.set(SIGN_IN, await service.lapsedJwtFor(userId, new Date(Date.now() - week + 60_000)));
  expect((await browser.send("/sign-in/renew", { body: {} })).status).toBe(200);
  // And none is good for longer than that.
  const [, claims = ""] = (browser.cookies.get(SIGN_IN) ?? "").split(".");
  const { exp } = JSON.parse(Buffer.from(claims, "base64url").toString()) as { exp: number };
  expect(exp * 1_000).toBeLessThanOrEqual(Date.now() + 60_000);
  browser.cookies.set(SIGN_IN, await service.lapsedJwtFor(userId, new Date(Date.now() - week - 1_000)));
  expect(await browser.send("/sign-in/renew", { body: {} })).toMatchObject({ status: 401 });
});

test.each([
  ["all sessions were ended", "/sessions/end-all", { body: {} }],
  ["the user was erased", "/me", { method: "DELETE" }],
])("a renewal is no way around it once %s", async (_what, path, sent) => {
  const userId = freshId();
  const browser = await inSession(userId, new Date(Date.now() - 60_000));
  await browser.send("/sign-in/renew", { body: {} });
  const copy = new PageVisitor(service.url, new Map(browser.cookies));
  expect((await browser.send(path, sent)).status).toBe(200);
  expect((await copy.send("/sign-in/renew", { body: {} })).status).toBe(440);
  expect(await copy.send("/sessions", { body: { agentId: "assistant" } })).toMatchObject({
    status: 401,
    json: { code: "REAUTHENTICATION_REQUIRED" },
  });
  // Not with a session of a later sign-in either.
  const later = await inSession(userId, new Date(Date.now() + 1_000));
  copy.cookies.set(SESSION, later.cookies.get(SESSION) ?? "");
  expect(await copy.send("/sign-in/renew", { body: {} })).toMatchObject({
    status: 401,
    json: { code: "REAUTHENTICATION_REQUIRED" },
  });
});

test("a session that ended by itself cannot be renewed", async () => {
  const short = await startTestService({ environment: { IDLE_TIMEOUT: "2s", TURN_TIMEOUT: "1s" } });
  const browser = await PageVisitor.inSession(short.url);
  const other = await PageVisitor.inSession(short.url);
  const renew = () => browser.send("/sign-in/renew", { body: {} });
  expect((await renew()).status).toBe(200);
  // Whatever it asks keeps it alive. So another one looks.
  await expect.poll(async () => (await other.send("/sessions")).json.sessions).toHaveLength(1);
  expect(await renew()).toMatchObject({ status: 440, json: { code: "SESSION_NOT_FOUND" } });
  await short.stop();
});
