// What a neighbouring subdomain may set is a cookie of another name to the browser, and has to be one to the guard too.
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { SessionStore } from "langchain-redis-sessions";
import { sessionGuard } from "langchain-redis-sessions/http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { drivers, type Program } from "./support/drivers.js";
import { authenticate, bearer } from "./support/jwt.js";

// Each of these `String.trim()` removes; the bytes of UTF-8's byte order mark it does not, as they arrive one by one.
const notPadding = ["\u00A0", "\u00A0 \u00A0", "\u00EF\u00BB\u00BF"];

let client: Client;
let sessions: SessionStore;
let userId: string;
let token: string;
let authorization: { Authorization: string };
beforeAll(async () => {
  client = onOneRedis.connect();
  sessions = new SessionStore({ client });
  userId = freshId();
  ({ token } = await sessions.create({ userId, agentId: "support", ipAddress: "192.0.2.7" }));
  authorization = await bearer({ sub: userId });
});
afterAll(async () => {
  await client.quit();
});

describe.each(drivers)("on $name", ({ start }) => {
  let withCookie: Program;
  let withHeader: Program;
  beforeAll(async () => {
    const options = { sessions, authenticate, agentId: "support" };
    withCookie = await start({ ...options, transport: "cookie" });
    withHeader = await start({ ...options, transport: "header" });
  });
  afterAll(async () => {
    await withCookie.close();
    await withHeader.close();
  });
  const codeOf = async (response: Response): Promise<unknown> =>
    response.status === 200 ? 200 : ((await response.json()) as { code: unknown }).code;

  test.each(notPadding)(
    "a cookie whose name begins with %j does not stand beside the session's, nor for it",
    async (byte) => {
      const planted = `${byte}__Host-session=planted`;
      const own = `__Host-session=${token}`;
      for (const Cookie of [`${planted}; ${own}`, `${own}; ${planted}`, `${own};${planted};a=b`]) {
        expect(await codeOf(await withCookie.send({ headers: { ...authorization, Cookie } }))).toBe(200);
      }
      const headers = { ...authorization, Cookie: `${byte}__Host-session=${token}` };
      expect(await codeOf(await withCookie.send({ headers }))).toBe("SESSION_TOKEN_MISSING");
    },
  );

  test.each(notPadding)("a token with %j around it is none", async (byte) => {
    for (const value of [`${byte}${token}`, `${token}${byte}`]) {
      const inHeader = { ...authorization, "X-Session-Id": value };
      expect(await codeOf(await withHeader.send({ headers: inHeader }))).toBe("INVALID_TOKEN");
      const inCookie = { ...authorization, Cookie: `__Host-session=${value}` };
      expect(await codeOf(await withCookie.send({ headers: inCookie }))).toBe("INVALID_TOKEN");
    }
  });

  test("spaces and tabs around a token or a cookie are padding", async () => {
    const inHeader = { ...authorization, "X-Session-Id": ` \t${token}\t ` };
    expect(await codeOf(await withHeader.send({ headers: inHeader }))).toBe(200);
    const inCookie = { ...authorization, Cookie: `a=b;\t __Host-session=${token}\t ;c=d` };
    expect(await codeOf(await withCookie.send({ headers: inCookie }))).toBe(200);
  });

  test.each(notPadding)("an address with %j before it is none", async (byte) => {
    const strict = new SessionStore({ client, addressBinding: "strict" });
    const program = await start({
      sessions: strict,
      authenticate,
      agentId: "support",
      clientAddress: { trustedProxies: 1 },
    });
    const sent = { ...authorization, "X-Session-Id": token };
    const from = async (address: string): Promise<unknown> =>
      codeOf(await program.send({ headers: { ...sent, "X-Forwarded-For": address } }));
    expect(await from("203.0.113.9, 192.0.2.7")).toBe(200);
    expect(await from(`203.0.113.9,${byte}192.0.2.7`)).toBe("SESSION_MISMATCH");
    await program.close();
  });
});

test("the token that a handler rotates or ends is read the same way", async () => {
  const guard = sessionGuard({ sessions, authenticate, transport: "cookie" });
  const app = new Hono().get("/", (c) => c.text(guard.token(c.req.raw) ?? "none"));
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const started = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, () => resolve(started));
  });
  const { port } = server.address() as AddressInfo;
  const read = (Cookie: string): Promise<string> =>
    new Promise((resolve, reject) => {
      httpRequest({ port, host: "127.0.0.1", headers: { Cookie, Connection: "close" } }, (incoming) => {
        void incoming.toArray().then((chunks) => resolve(chunks.join("")));
      })
        .on("error", reject)
        .end();
    });
  expect(await read(`\u00A0__Host-session=planted; __Host-session=${token}`)).toBe(token);
  expect(await read("\u00A0__Host-session=planted")).toBe("none");
  server.close();
});
