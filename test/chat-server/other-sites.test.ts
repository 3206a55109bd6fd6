// What a page of another site, or of another host of this site, makes a browser send along with the user's cookies.
import { connect, SessionStore } from "langchain-redis-sessions";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createApp } from "../../examples/chat-server/app.js";
import { Changes } from "../../examples/chat-server/changes.js";
import { readConfig } from "../../examples/chat-server/config.js";
import { openSignIns } from "../../examples/chat-server/identity.js";
import { RunningTurns } from "../../examples/chat-server/turns.js";
import { freshId } from "../support/turns.js";
import { PageVisitor } from "./support/page-visitor.js";
import { startTestService, type TestService } from "./support/service.js";

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());

/** Every route that may change something, from the app itself: none can be forgotten. */
async function changingRoutes(): Promise<(readonly [method: string, path: string])[]> {
  const { host, port } = inject("servers").single;
  const client = connect(`redis://${host}:${port}`);
  const sessions = new SessionStore({ client, keyPrefix: freshId() });
  const app = createApp({
    config: readConfig({}),
    sessions,
    client,
    limitClient: client,
    agents: new Map([["assistant", {} as never]]),
    signIns: await openSignIns({ folder: "", key: new Uint8Array(32), lifetimeSeconds: 60, renewableSeconds: 60 }),
    turns: new RunningTurns(1),
    changes: new Changes({ client, subscriber: client, prefix: freshId() }),
    closing: AbortSignal.abort(),
    log: () => {},
  });
  await sessions.close();
  client.disconnect();
  const changing = app.routes.filter(({ method }) => !["ALL", "GET", "HEAD", "OPTIONS"].includes(method));
  const names = new Set(changing.map(({ method, path }) => `${method} ${path.replaceAll(/:agentId/g, "assistant")}`));
  return [...names].map((name) => name.split(" ") as [string, string]);
}

/** What such a request shows of where it comes from. */
const foreign: readonly (readonly [string, Record<string, string>])[] = [
  ["another site", { "Sec-Fetch-Site": "cross-site" }],
  ["another host of this site", { "Sec-Fetch-Site": "same-site" }],
  ["another origin, from an older browser", { "Sec-Fetch-Site": "", Origin: "https://neighbour.example.com" }],
];

test("every route that changes something refuses it from there, with good cookies and the session's id: 403", async () => {
  const routes = await changingRoutes();
  expect(routes.length).toBeGreaterThan(12);
  const ada = await PageVisitor.inSession(service.url);
  const before = new Map(ada.cookies);
  for (const [method, path] of routes) {
    for (const [from, headers] of foreign) {
      const answer = await ada.send(path, { method, headers });
      const what = `${method} ${path} from ${from}`;
      expect(answer, what).toMatchObject({ status: 403, json: { code: "CROSS_SITE_REQUEST" } });
      expect(answer.headers.getSetCookie(), what).toEqual([]);
    }
  }
  expect(ada.cookies).toEqual(before);
  expect((await ada.send("/session")).status).toBe(200);
});

test("a page of another site signs nobody in and nobody out: not as JSON, and not as a form", async () => {
  const browser = new PageVisitor(service.url);
  for (const path of ["/sign-in", "/sign-out"]) {
    for (const [from, headers] of foreign) {
      const answer = await browser.send(path, { body: { user: "bob", cookie: true }, headers });
      expect(answer.status, `${path} from ${from}`).toBe(403);
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
    // A browser that shows nothing of it can only send what needs no leave of this site.
    const headers = { "Sec-Fetch-Site": "", "Content-Type": "text/plain" };
    expect((await browser.send(path, { body: { user: "bob", cookie: true }, headers })).status).toBe(415);
  }
});
