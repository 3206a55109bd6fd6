// A neighbouring subdomain may set cookies for the whole site. A browser keeps it from the names that begin with
// __Host-, and lets it set one that only String.trim() takes for such a name: that must not lock the user out.
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sessionGuard, type SessionGuard } from "../../src/http/index.js";
import { SessionStore } from "../../src/index.js";
import { type RunningRedis, startRedis } from "../../src/testing/index.js";
import { selfSigned } from "../support/self-signed.js";
import { launchChromium } from "./support/browser.js";

const planted = ["\u00A0__Host-session=planted", "\u00A0\u00A0__Host-session=planted"];

let redis: RunningRedis;
let client: Redis;
let sessions: SessionStore;
let guard: SessionGuard;
let server: Server;
let browser: Browser;
beforeAll(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
  sessions = new SessionStore({ client });
  guard = sessionGuard({
    sessions,
    authenticate: () => ({ userId: "ada" }),
    agentId: "support",
    transport: { cookie: "__Host-session", sameSite: "Lax" },
  });
  const { certificate, key } = selfSigned();
  server = createServer({ cert: certificate, key }, (request, response) => void answer(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  browser = await launchChromium("--host-resolver-rules=MAP *.app.test 127.0.0.1");
});
afterAll(async () => {
  await browser.close();
  server.close();
  server.closeAllConnections();
  await sessions.close();
  await client.quit();
  await redis.stop();
});

/** The service at www.app.test; at any other name, the neighbour. */
async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const { host = "", cookie = "" } = incoming.headers;
  if (!host.startsWith("www.")) {
    const attributes = "Domain=app.test; Path=/; Secure; SameSite=Lax";
    response.setHeader(
      "Set-Cookie",
      [...planted, "__Host-session=planted"].map((pair) => `${pair}; ${attributes}`),
    );
    // In bytes: together with a text Node would write the headers in UTF-8.
    response.end(Buffer.from("planted"));
    return;
  }
  if (incoming.url === "/sign-in") {
    const { token } = await sessions.create({ userId: "ada", agentId: "support" });
    const headers = new Headers();
    guard.issue(headers, token);
    response.setHeader("Set-Cookie", headers.getSetCookie()).end("signed in");
    return;
  }
  const { denied } = await guard(new Request(`https://${host}/`, { headers: { Cookie: cookie } }));
  const sent = cookie.split(";").map((pair) => pair.replace(/=.*/, ""));
  response.setHeader("Content-Type", "application/json").end(JSON.stringify({ status: denied?.status ?? 200, sent }));
}

test("a user whom a neighbour gave a cookie that looks like the session's stays signed in", async () => {
  const { port } = server.address() as AddressInfo;
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const look = async (): Promise<{ status: number; sent: string[] }> => {
    await page.goto(`https://www.app.test:${port}/`);
    return JSON.parse(await page.locator("body").innerText()) as { status: number; sent: string[] };
  };
  await page.goto(`https://www.app.test:${port}/sign-in`);
  expect((await look()).status).toBe(200);
  await page.goto(`https://neighbour.app.test:${port}/`);
  const { status, sent } = await look();
  // The browser did take and send them, but for the one that it protects.
  expect(sent.filter((name) => name.includes("\u00A0"))).toHaveLength(planted.length);
  expect(sent.filter((name) => name.trim() === "__Host-session").length).toBe(1 + planted.length);
  expect(status).toBe(200);
  await context.close();
});
