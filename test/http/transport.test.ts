// How a token reaches the client and comes back: the attributes that keep it secret are written in one place.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { InvalidOptionError, InvalidTokenError, SessionStore } from "langchain-redis-sessions";
import { anyAgent, sessionGuard, type SessionGuard, type SessionTransport } from "langchain-redis-sessions/http";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { authenticate, bearer } from "./support/jwt.js";

let client: Client;
let sessions: SessionStore;
let userId: string;
let token: string;
beforeAll(async () => {
  client = onOneRedis.connect();
  sessions = new SessionStore({ client });
  userId = freshId();
  ({ token } = await sessions.create({ userId, agentId: "support" }));
});
afterAll(async () => {
  await client.quit();
});

const guardWith = (transport?: SessionTransport): SessionGuard => sessionGuard({ sessions, authenticate, transport });
const issued = (transport: SessionTransport | undefined, value: string): Headers => {
  const headers = new Headers({ "Cache-Control": "public" });
  guardWith(transport).issue(headers, value);
  return headers;
};
const request = (headers: Record<string, string>): Request =>
  new Request("http://app.test/agents/support", { headers });

describe("a token is issued", () => {
  test("in X-Session-Id, or the header that was named, and in no cache", () => {
    expect(issued(undefined, token).get("X-Session-Id")).toBe(token);
    expect(issued("header", token).get("Cache-Control")).toBe("no-store");
    expect(issued({ header: "X-Chat" }, token).get("X-Chat")).toBe(token);
    expect(issued({ header: "X-Chat" }, token).getSetCookie()).toEqual([]);
  });

  test.each<[SessionTransport, string]>([
    ["cookie", `__Host-session=TOKEN; Path=/; Secure; HttpOnly; SameSite=Strict`],
    [{ cookie: "__Host-chat", sameSite: "Lax" }, `__Host-chat=TOKEN; Path=/; Secure; HttpOnly; SameSite=Lax`],
    [
      { cookie: "__Host-chat", maxAge: "7d" },
      `__Host-chat=TOKEN; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=604800`,
    ],
  ])("in a cookie with every attribute that protects it: %j", (transport, cookie) => {
    const headers = issued(transport, token);
    expect(headers.getSetCookie()).toEqual([cookie.replace("TOKEN", token)]);
    expect(headers.get("Cache-Control")).toBe("no-store");
  });

  test("in addition to cookies that are there already", () => {
    const headers = new Headers({ "Set-Cookie": "theme=dark" });
    guardWith("cookie").issue(headers, token);
    expect(headers.getSetCookie()).toHaveLength(2);
  });

  test("and nothing else: what is no token could add a cookie or a header", () => {
    for (const transport of ["header", "cookie"] as const) {
      for (const value of ["", "a; Domain=app.test", "a\r\nX: y", `${token};`]) {
        expect(() => issued(transport, value)).toThrow(InvalidTokenError);
      }
    }
  });
});

test("clearing forgets the cookie with the attributes that it was set with", () => {
  const headers = new Headers();
  guardWith({ cookie: "__Host-chat", sameSite: "Lax", maxAge: "7d" }).clear(headers);
  expect(headers.getSetCookie()).toEqual(["__Host-chat=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"]);
  const cleared = new Headers();
  guardWith().clear(cleared);
  expect([...cleared]).toEqual([["cache-control", "no-store"]]);
});

test("the token of a request can be rotated and ended; of several it is none", async () => {
  const guard = guardWith("cookie");
  expect(guard.token(request({ Cookie: `a=b; __Host-session=${token}` }))).toBe(token);
  expect(guard.token(request({ Cookie: `__Host-session=${token}; __Host-session=x` }))).toBeUndefined();
  expect(guard.token(request({ Cookie: `x__Host-session=${token}; __host-session=${token}` }))).toBeUndefined();
  expect(guard.token(request({}))).toBeUndefined();
});

test("a token is not taken from quotes, escapes or a longer name", async () => {
  const guard = guardWith("cookie");
  const authorization = await bearer({ sub: userId });
  for (const Cookie of [
    `__Host-session="${token}"`,
    `__Host-session=${token.replace("_", "%5F")}`,
    `__Host-session=`,
  ]) {
    const { denied } = await guard(request({ ...authorization, Cookie }), { agentId: "support" });
    expect(await denied?.json()).toMatchObject({ status: 440, code: "INVALID_TOKEN" });
  }
});

test("who starts a session is asked for credentials only", async () => {
  const guard = guardWith("cookie");
  const { identity } = await guard.authenticate(request(await bearer({ sub: userId })));
  expect(identity).toMatchObject({ userId });
  expect((await guard.authenticate(request({}))).denied?.status).toBe(401);
  const forged = new Request("http://app.test", {
    method: "POST",
    headers: { ...(await bearer({ sub: userId })), "Sec-Fetch-Site": "cross-site" },
  });
  expect((await guard.authenticate(forged)).denied?.status).toBe(403);
});

test("which agent a request is for has to be said: with it, once, by a function, or that any will do", async () => {
  const sent = request({ ...(await bearer({ sub: userId })), "X-Session-Id": token });
  const guard = guardWith();
  await expect(guard(sent)).rejects.toThrow(InvalidOptionError);
  await expect(guard(sent, { agentId: undefined })).rejects.toThrow(InvalidOptionError);
  expect((await guard(sent, { agentId: "support" })).session).toMatchObject({ agentId: "support" });
  expect((await guard(sent, { agentId: anyAgent })).session).toMatchObject({ agentId: "support" });
  const fromPath = sessionGuard({
    sessions,
    authenticate,
    agentId: ({ url }) => new URL(url).pathname.split("/")[2] ?? "",
  });
  expect((await fromPath(sent)).session).toMatchObject({ agentId: "support" });
  expect((await fromPath(sent, { agentId: "sales" })).denied?.status).toBe(403);
  const lost = sessionGuard({ sessions, authenticate, agentId: () => undefined as never });
  await expect(lost(sent)).rejects.toThrow(InvalidOptionError);
});

test.each<[string, object]>([
  ["no sessions", { sessions: undefined }],
  ["no authenticate", { authenticate: undefined }],
  ["an authenticate that is no function", { authenticate: "jwt" }],
  ["an unknown option", { agent: "support" }],
  ["an agent that is none", { agentId: 7 }],
  ["a transport in the URL", { transport: "query" }],
  ["a cookie that another host can set", { transport: { cookie: "session" } }],
  ["a cookie with an attribute", { transport: { cookie: "__Host-a; Domain=app.test" } }],
  ["a cookie for every site", { transport: { cookie: "__Host-a", sameSite: "None" } }],
  ["a cookie for no time", { transport: { cookie: "__Host-a", maxAge: 0 } }],
  ["a trusted origin with a path", { transport: { cookie: "__Host-a", trustedOrigins: ["https://app.test/"] } }],
  ["a trusted origin that is any", { transport: { cookie: "__Host-a", trustedOrigins: ["*"] } }],
  ["a trusted origin that is opaque", { transport: { cookie: "__Host-a", trustedOrigins: ["null"] } }],
  ["a header and a cookie", { transport: { header: "X-A", cookie: "__Host-a" } }],
  ["the header of the credentials", { transport: { header: "authorization" } }],
  ["a header that is none", { transport: { header: "X Session" } }],
])("%s is refused at once", (_name, change) => {
  expect(() => sessionGuard({ sessions, authenticate, ...change })).toThrow(InvalidOptionError);
});
