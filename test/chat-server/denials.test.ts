// Whom the service lets in, on every route: there is none that was forgotten.
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { faultyProxy } from "langchain-redis-sessions/testing";
import { startTestService, type TestService } from "./support/service.js";
import { Visitor } from "./support/visitor.js";

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ environment: { MAX_SESSIONS_PER_USER: "1000" } });
});
afterAll(() => service.stop());

/** All that needs a session, with input that is good. */
const guarded: readonly (readonly [method: string, path: string, body?: unknown])[] = [
  ["GET", "/session"],
  ["GET", "/session/events"],
  ["GET", "/sessions"],
  ["DELETE", "/sessions/some-id"],
  ["POST", "/sessions/end-all", {}],
  ["POST", "/sessions/rotate"],
  ["POST", "/sessions/conversation", {}],
  ["POST", "/agents/assistant/chat", { message: "Hi" }],
  ["GET", "/conversations"],
  ["GET", "/conversations/some-id/messages"],
  ["PATCH", "/conversations/some-id", { title: "x" }],
  ["DELETE", "/conversations/some-id"],
  ["GET", "/memory/key"],
  ["PUT", "/memory/key", { value: 1 }],
  ["DELETE", "/memory/key"],
  ["DELETE", "/me"],
];

describe.each(guarded.map(([method, path, body]) => [method, path, { body }] as const))(
  "%s %s",
  (method, path, { body }) => {
    const ask = (visitor: Visitor, headers: Record<string, string> = {}) =>
      visitor.send(path, { method, body, headers });

    test("is a 401 without credentials, and with those of somebody else's making", async () => {
      const nobody = new Visitor(service.url, "");
      expect(await ask(nobody)).toMatchObject({ status: 401, json: { code: "UNAUTHENTICATED" } });
      const forged = await new SignJWT()
        .setProtectedHeader({ alg: "HS256" })
        .setSubject("ada")
        .setIssuer("langchain-redis-sessions/examples/chat-server")
        .setAudience("chat-server")
        .setExpirationTime("1h")
        .sign(Buffer.alloc(32, 1));
      expect((await ask(new Visitor(service.url, forged))).status).toBe(401);
      // A token is not enough.
      const ada = await Visitor.inSession(service.url);
      nobody.token = ada.token;
      const denied = await ask(nobody);
      expect(denied.status).toBe(401);
      expect(denied.headers.get("Content-Type")).toBe("application/problem+json");
      expect(denied.headers.get("Cache-Control")).toBe("no-store");
      expect(denied.headers.get("WWW-Authenticate")).toBe("Bearer");
    });

    test("is a 440 without a session, or with one that is over; it is told why", async () => {
      const ada = await Visitor.signedIn(service.url);
      expect(await ask(ada)).toMatchObject({ status: 440, json: { code: "SESSION_TOKEN_MISSING" } });
      ada.token = "not a token";
      expect(await ask(ada)).toMatchObject({ status: 440, json: { code: "INVALID_TOKEN" } });
      await ada.start();
      await ada.send(`/sessions/${ada.session.id}`, { method: "DELETE" });
      expect(await ask(ada)).toMatchObject({ status: 440, json: { code: "SESSION_NOT_FOUND", reason: "ended" } });
    });

    test("is a 403 with a session of another user, and a 400 with two tokens", async () => {
      const [ada, bob] = [await Visitor.inSession(service.url), await Visitor.inSession(service.url, "bob")];
      const bobsToken = { "X-Session-Id": bob.token };
      expect(await ask(ada, bobsToken)).toMatchObject({ status: 403, json: { code: "SESSION_MISMATCH" } });
      const both = { "X-Session-Id": `${ada.token}, ${ada.token}` };
      expect(await ask(ada, both)).toMatchObject({ status: 400, json: { code: "SESSION_TOKEN_DUPLICATED" } });
      expect((await ada.send("/session")).status).toBe(200);
      expect((await bob.send("/session")).status).toBe(200);
    });

    test("does not look for a token in the address", async () => {
      const ada = await Visitor.inSession(service.url);
      const { token } = ada;
      ada.token = "";
      const { status } = await ada.send(`${path}?X-Session-Id=${token}`, { method, body });
      expect(status).toBe(440);
    });
  },
);

test("a session of one agent does not open another", async () => {
  const ada = await Visitor.inSession(service.url);
  const other = await ada.send("/agents/another/chat", { body: { message: "Hi" } });
  expect(other).toMatchObject({ status: 403, json: { code: "SESSION_MISMATCH" } });
});

test("POST /sessions needs credentials, and refuses a conversation of another user", async () => {
  const start = { body: { agentId: "assistant" } };
  expect((await new Visitor(service.url, "").send("/sessions", start)).status).toBe(401);
  const ada = await Visitor.inSession(service.url);
  await ada.say("Hi");
  const bob = await Visitor.inSession(service.url, "bob");
  const body = { agentId: "assistant", conversationId: ada.session.conversationId };
  expect(await bob.send("/sessions", { body })).toMatchObject({
    status: 404,
    json: { code: "CONVERSATION_NOT_FOUND" },
  });
  expect((await bob.send("/sessions/conversation", { body })).status).toBe(422);
  const { conversationId } = ada.session;
  expect((await bob.send("/sessions/conversation", { body: { conversationId } })).status).toBe(404);
});

test.each(["/nothing", "/agents", "/sessions/1/2", "/..%2fapp.ts", "/%2e%2e/app.ts", "/app.ts", "/.data/identity.key"])(
  "%s is nothing: a 404, as a problem",
  async (path) => {
    const { status, json, headers } = await new Visitor(service.url, "").send(path);
    expect({ status, code: json.code }).toEqual({ status: 404, code: "NOT_FOUND" });
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  },
);

test("behind a proxy that is trusted the client's address is the one that it tells", async () => {
  const behind = await startTestService({ environment: { TRUSTED_PROXIES: "1" } });
  const ada = await Visitor.signedIn(behind.url);
  const headers = { "X-Forwarded-For": "198.51.100.7" };
  const { json } = await ada.send("/sessions", { body: { agentId: "assistant" }, headers });
  expect(json.session.ipAddress).toBe("198.51.100.7");
  await behind.stop();
});

test("while Redis is away nobody is let in, /health says so, and when it is back everything goes on", async () => {
  const { host, port } = inject("servers").single;
  await using network = await faultyProxy({ host, port });
  const away = await startTestService({ environment: { REDIS_URL: network.url } });
  const ada = await Visitor.inSession(away.url);
  network.blackhole();
  const begun = performance.now();
  const health = await new Visitor(away.url, "").send("/health");
  expect(health).toMatchObject({ status: 503, json: { code: "STORE_UNAVAILABLE" } });
  expect(performance.now() - begun).toBeLessThan(4_000);
  network.refuse();
  // At once: each waits for as long as ioredis tries again.
  for (const answer of await Promise.all(["/session", "/conversations", "/memory/key"].map((path) => ada.send(path)))) {
    expect(answer).toMatchObject({ status: 503, json: { code: "STORE_UNAVAILABLE" } });
  }
  await network.heal();
  await expect.poll(async () => (await ada.send("/session")).status, { timeout: 10_000 }).toBe(200);
  expect((await new Visitor(away.url, "").send("/health")).status).toBe(200);
  await away.stop();
});
