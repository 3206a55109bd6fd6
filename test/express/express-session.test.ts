// What is particular to Express; that it denies as every other framework is in test/http/denials.test.ts.
import { once } from "node:events";
import { type IncomingMessage, request as sendRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type Express } from "express";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { InvalidOptionError, SessionNotFoundError, SessionStore } from "langchain-redis-sessions";
import {
  anyAgent,
  expressSession,
  type ExpressSessionOptions,
  sessionProblems,
} from "langchain-redis-sessions/express";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { authenticate, bearer } from "../http/support/jwt.js";

let client: Client;
let sessions: SessionStore;
beforeAll(() => {
  client = onOneRedis.connect();
  sessions = new SessionStore({ client });
});
afterAll(async () => {
  await client.quit();
});
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(app: Express): Promise<string> {
  return new Promise((resolve) => {
    const server = app.listen(0, "127.0.0.1", () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
    servers.push(server);
  });
}
const guard = (options: Partial<ExpressSessionOptions> = {}) =>
  expressSession({ sessions, authenticate, agentId: "support", transport: "cookie", ...options });

test("a session is started, used, rotated and ended, and other cookies are kept", async () => {
  const session = guard();
  const app = express();
  app.post("/session", session.authenticate, async (request, response) => {
    const { userId } = request.agentIdentity;
    const { token } = await sessions.create({ userId, agentId: "support" });
    response.cookie("theme", "dark");
    session.issue(response, token);
    response.sendStatus(201);
  });
  app.post("/rotate", session, async (request, response) => {
    const { token } = await sessions.rotate(session.token(request) ?? "");
    session.issue(response, token);
    response.sendStatus(204);
  });
  app.get("/agent", session, (request, response) => {
    response.json(request.agentSession.agentId);
  });
  app.delete("/session", session, async (request, response) => {
    await sessions.endById(request.agentSession, request.agentSession.id);
    session.clear(response);
    response.sendStatus(204);
  });
  app.use(sessionProblems);
  const url = await listen(app);
  const sender = { ...(await bearer({ sub: freshId() })), "Sec-Fetch-Site": "same-origin" };
  const send = (method: string, path: string, cookie = "") =>
    fetch(url + path, { method, headers: { ...sender, Cookie: cookie } });
  const cookieOf = (response: Response): string => response.headers.getSetCookie().at(-1)?.split(";")[0] ?? "";

  const started = await send("POST", "/session");
  expect(started.status).toBe(201);
  expect(started.headers.getSetCookie()).toHaveLength(2);
  expect(started.headers.get("Cache-Control")).toBe("no-store");
  const first = cookieOf(started);
  expect(await (await send("GET", "/agent", first)).json()).toBe("support");
  const second = cookieOf(await send("POST", "/rotate", first));
  expect(await (await send("GET", "/agent", first)).json()).toMatchObject({ status: 440, reason: "rotated" });
  const ended = await send("DELETE", "/session", second);
  expect(ended.headers.getSetCookie()).toEqual([expect.stringContaining("__Host-session=; ")]);
  expect(await (await send("GET", "/agent", second)).json()).toMatchObject({ status: 440, reason: "ended" });
  expect((await fetch(`${url}/session`, { method: "POST" })).status).toBe(401);
});

test("the user can come from another middleware, the agent from the route", async () => {
  const userId = freshId();
  const { token } = await sessions.create({ userId, agentId: "support" });
  const app = express();
  app.use((request, _response, next) => {
    Object.assign(request, { user: { userId } });
    next();
  });
  const session = guard({
    transport: "header",
    authenticate: (_request, expressRequest) => (expressRequest as { user?: { userId: string } }).user,
    agentId: ({ params }) => String(params["agentId"]),
  });
  app.get("/agents/:agentId", session, (request, response) => {
    response.json(request.agentSession.userId);
  });
  app.get(
    "/conversations",
    guard({ transport: "header", agentId: anyAgent, authenticate: () => ({ userId }) }),
    (_, response) => {
      response.sendStatus(204);
    },
  );
  const url = await listen(app);
  const statusOf = async (path: string) => (await fetch(url + path, { headers: { "X-Session-Id": token } })).status;
  expect(await statusOf("/agents/support")).toBe(200);
  expect(await statusOf("/agents/sales")).toBe(403);
  expect(await statusOf("/conversations")).toBe(204);
});

test("Express' own trust in proxies changes nothing: the one setting is clientAddress", async () => {
  const app = express();
  app.set("trust proxy", true);
  const believing = guard({ clientAddress: { trustedProxies: ["127.0.0.1"] } });
  app.get("/", (request, response) => {
    response.json([request.ip, guard().clientAddress(request), believing.clientAddress(request)]);
  });
  const url = await listen(app);
  const sent = await fetch(url, { headers: { "X-Forwarded-For": "203.0.113.9, 192.0.2.7" } });
  expect(await sent.json()).toEqual(["203.0.113.9", "127.0.0.1", "192.0.2.7"]);
});

test("a body stays Express' to read, and a strange host or path does no harm", async () => {
  const app = express();
  app.use(express.json());
  app.use(guard({ transport: "header", agentId: anyAgent, authenticate: () => null }));
  const url = await listen(app);
  for (const path of ["//evil.test/", "/%", "/?x=%E0%A4%A"]) expect((await fetch(url + path)).status).toBe(401);
  const status = await new Promise((resolve) => {
    sendRequest(url, { method: "POST", headers: { Host: "a b:c" } }, (response) => resolve(response.statusCode)).end(
      "{}",
    );
  });
  expect(status).toBe(401);
});

test("an error after the answer has begun, or of another kind, is left to Express", async () => {
  const app = express();
  app.get("/begun", (_request, response) => {
    response.write("partial");
    throw new SessionNotFoundError("ended");
  });
  app.get("/other", () => {
    throw new TypeError("other");
  });
  const left: unknown[] = [];
  app.use(sessionProblems);
  app.use(((error, _request, response, _next) => {
    left.push(error);
    response.end();
  }) satisfies express.ErrorRequestHandler);
  const url = await listen(app);
  expect(await (await fetch(`${url}/begun`)).text()).toBe("partial");
  await fetch(`${url}/other`);
  expect(left).toEqual([expect.any(SessionNotFoundError), expect.any(TypeError)]);
});

test("options are checked at once", () => {
  expect(() => guard({ authenticate: undefined as never })).toThrow(InvalidOptionError);
  expect(() => guard({ agentId: 7 as never })).toThrow(InvalidOptionError);
  expect(() => guard({ agentId: undefined as never })).toThrow(InvalidOptionError);
  expect(() => guard({ transport: "url" as never })).toThrow(InvalidOptionError);
});

test.each([
  ["TRACE", "localhost"],
  ["GET", "user:secret@localhost"],
])("a request that fetch could not make, %s of %s, is refused like any other", async (method, host) => {
  const app = express();
  app.use(guard(), (_request, response) => void response.sendStatus(200));
  const { port } = new URL(await listen(app));
  const sent = sendRequest({ port, method, headers: { host } }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  response.resume();
  expect(response.statusCode).toBe(401);
});
