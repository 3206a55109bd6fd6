// A cookie goes along with requests of other sites: what may change something has to come from this one.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import type { SessionTransport } from "langchain-redis-sessions/http";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { drivers, type Program } from "./support/drivers.js";
import { authenticate, bearer } from "./support/jwt.js";

const cookie: SessionTransport = { cookie: "__Host-chat", trustedOrigins: ["https://www.app.test"] };

let client: Client;
let sessions: SessionStore;
let headers: Record<string, string>;
beforeAll(async () => {
  client = onOneRedis.connect();
  sessions = new SessionStore({ client });
  const userId = freshId();
  const { token } = await sessions.create({ userId, agentId: "support" });
  headers = { ...(await bearer({ sub: userId })), Cookie: `__Host-chat=${token}`, "X-Session-Id": token };
});
afterAll(async () => {
  await client.quit();
});

describe.each(drivers)("on $name", ({ start }) => {
  let withCookie: Program;
  let withHeader: Program;
  beforeAll(async () => {
    const options = { sessions, authenticate, agentId: "support" };
    withCookie = await start({ ...options, transport: cookie });
    withHeader = await start({ ...options, transport: "header" });
  });
  afterAll(async () => {
    await withCookie.close();
    await withHeader.close();
  });

  test.each<[string, Record<string, string>, number]>([
    ["POST", { "Sec-Fetch-Site": "same-origin" }, 200],
    ["POST", { "Sec-Fetch-Site": "none" }, 200],
    ["POST", { "Sec-Fetch-Site": "same-site" }, 403],
    ["POST", { "Sec-Fetch-Site": "cross-site" }, 403],
    ["POST", { "Sec-Fetch-Site": "" }, 403],
    ["PUT", { "Sec-Fetch-Site": "cross-site" }, 403],
    ["PATCH", { "Sec-Fetch-Site": "cross-site" }, 403],
    ["DELETE", { "Sec-Fetch-Site": "cross-site" }, 403],
    ["GET", { "Sec-Fetch-Site": "cross-site" }, 200],
    ["GET", {}, 200],
    // A browser without Fetch Metadata.
    ["POST", { Origin: "http://app.test" }, 200],
    ["POST", { Origin: "https://app.test" }, 200],
    ["POST", { Origin: "https://evil.test" }, 403],
    ["POST", { Origin: "https://app.test.evil.test" }, 403],
    ["POST", { Origin: "https://app.test:8443" }, 403],
    ["POST", { Origin: "null" }, 403],
    ["POST", { Origin: "" }, 403],
    ["POST", {}, 403],
    // Of Next.js the URL has another name than the one that the browser asked for, as it is for the Web-standard function.
    ["POST", { Host: "chat.test", Origin: "https://chat.test" }, 200],
    ["POST", { Host: "Chat.test:8443", Origin: "https://chat.test:8443" }, 200],
    ["POST", { Host: "chat.test", Origin: "https://app.test" }, 403],
    // Another origin of ours.
    ["POST", { Origin: "https://www.app.test", "Sec-Fetch-Site": "same-site" }, 200],
    ["POST", { Origin: "http://www.app.test", "Sec-Fetch-Site": "same-site" }, 403],
    ["POST", { Origin: "https://app.test", "Sec-Fetch-Site": "cross-site" }, 403],
  ])("a cookie with %s and %j: %i", async (method, added, status) => {
    expect((await withCookie.send({ method, headers: { ...headers, ...added } })).status).toBe(status);
  });

  test("a program that is refused is told what to send, and is let in when it sends that", async () => {
    const refused = await withCookie.send({ method: "POST", headers });
    const { detail } = (await refused.json()) as { detail: string };
    const [, name = "", value = ""] = /curl: -H '([^:]+): ([^']+)'/.exec(detail) ?? [];
    expect((await withCookie.send({ method: "POST", headers: { ...headers, [name]: value } })).status).toBe(200);
  });

  test("a header cannot be sent by another site, and needs no such check", async () => {
    const sent = {
      method: "POST",
      headers: { ...headers, "Sec-Fetch-Site": "cross-site", Origin: "https://evil.test" },
    };
    expect((await withHeader.send(sent)).status).toBe(200);
  });
});

test("a WebSocket of another site is refused", async () => {
  const program = await drivers[0]?.start({ sessions, authenticate, agentId: "support", transport: cookie });
  const upgrade = { ...headers, Connection: "Upgrade", Upgrade: "websocket" };
  const statusOf = async (added: Record<string, string>) =>
    (await program?.send({ headers: { ...upgrade, ...added } }))?.status;
  expect(await statusOf({ Origin: "https://evil.test" })).toBe(403);
  expect(await statusOf({ Origin: "https://app.test" })).toBe(200);
});
