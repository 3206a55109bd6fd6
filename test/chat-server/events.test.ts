// How a page learns that its session has ended.
import { Redis } from "ioredis";
import { afterEach, describe, expect, inject, test } from "vitest";
import { closingIn } from "../support/closing.js";
import { heardWarnings } from "../support/warnings.js";
import { startTestService, type TestService } from "./support/service.js";
import { all, type SentEvent, sentEvents } from "./support/sent-events.js";
import { Visitor } from "./support/visitor.js";

const { through } = closingIn(afterEach);
const running: TestService[] = [];
afterEach(async () => {
  for (const service of running.splice(0)) await service.stop();
});
async function served(environment: Readonly<Record<string, string>> = {}): Promise<TestService> {
  const service = await startTestService({ environment });
  running.push(service);
  return service;
}

/** The stream, once it is open. */
async function listening(visitor: Visitor, signal?: AbortSignal): Promise<AsyncGenerator<SentEvent, void, undefined>> {
  const response = await visitor.fetch("/session/events", signal === undefined ? {} : { signal });
  expect(response.headers.get("Content-Type")).toBe("text/event-stream");
  const events = sentEvents(response);
  expect((await events.next()).value).toEqual({ event: "comment", data: ": open" });
  return events;
}

/** The answer, of which nothing is read. */
function open(visitor: Visitor): Promise<Response> {
  return visitor.fetch("/session/events");
}

describe("GET /session/events", () => {
  test("tells within a second that the session was ended elsewhere, also on another server", async () => {
    const one = await served();
    const shared = await startTestService({ environment: { KEY_PREFIX: one.keyPrefix } });
    running.push(shared);
    const ada = await Visitor.inSession(one.url);
    const events = await listening(ada);
    // Another process on the same Redis; its users are its own, so this one signs in there.
    const elsewhere = await Visitor.inSession(shared.url);
    const begun = performance.now();
    await elsewhere.send(`/sessions/${ada.session.id}`, { method: "DELETE" });
    expect(await all(events)).toEqual([{ event: "ended", data: { reason: "ended" } }]);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  test("tells that the limit pushed the session out", async () => {
    const service = await served({ MAX_SESSIONS_PER_USER: "1" });
    const first = await Visitor.inSession(service.url);
    const events = await listening(first);
    await Visitor.inSession(service.url);
    expect(await all(events)).toEqual([{ event: "ended", data: { reason: "evicted" } }]);
  });

  test("tells within a second what changes in a conversation, on another server too, and to nobody else", async () => {
    const one = await served();
    const shared = await startTestService({ environment: { KEY_PREFIX: one.keyPrefix } });
    running.push(shared);
    const ada = await Visitor.inSession(one.url);
    const elsewhere = await Visitor.inSession(shared.url);
    const bob = await Visitor.inSession(shared.url, "bob");
    const [events, bobs] = [await listening(elsewhere), await listening(bob)];
    const { conversationId } = ada.session;
    const changed = { event: "changed", data: { conversationId } };
    const path = `/conversations/${conversationId}`;
    // A turn begins, and ends.
    const said = ada.say("Hi");
    expect([(await events.next()).value, (await events.next()).value]).toEqual([changed, changed]);
    await said;
    await ada.say("And?");
    await events.next();
    await events.next();
    const { json } = await ada.send(`${path}/messages`);
    const changes = [
      { method: "PATCH", path, body: { title: "Tea" } },
      { method: "DELETE", path: `${path}/messages?from=${json.messages[2].position}` },
      { method: "DELETE", path },
    ];
    for (const { path: where, ...sent } of changes) {
      const begun = performance.now();
      expect((await ada.send(where, sent)).status).toBe(204);
      expect((await events.next()).value).toEqual(changed);
      expect(performance.now() - begun).toBeLessThan(1_000);
    }
    await bob.send(`/sessions/${bob.session.id}`, { method: "DELETE" });
    expect(await all(bobs)).toEqual([{ event: "ended", data: { reason: "ended" } }]);
  });

  test("tells that it may have missed something when it was cut off from Redis", async () => {
    const { host, port } = inject("servers").single;
    const network = await through({ host, port });
    const service = await served({ REDIS_URL: network.url });
    const ada = await Visitor.inSession(service.url);
    const events = await listening(ada);
    network.refuse();
    await network.heal();
    const heard = events.next();
    expect((await heard).value).toMatchObject({ event: "changed", data: {} });
  });

  test("does not keep the session alive: it expires as it would have, and that is told", async () => {
    const service = await served({ IDLE_TIMEOUT: "2s", TURN_TIMEOUT: "1s", HEARTBEAT: "1s" });
    const ada = await Visitor.inSession(service.url);
    const begun = performance.now();
    const heard = await all(await listening(ada));
    expect(heard.at(-1)).toEqual({ event: "ended", data: { reason: "expired" } });
    expect(performance.now() - begun).toBeLessThan(4_000);
    expect(heard).toContainEqual({ event: "comment", data: ": ping" });
    expect(await ada.send("/session")).toMatchObject({ status: 440, json: { reason: "expired" } });
  });

  test("does not end when the token is rotated", async () => {
    const service = await served({ HEARTBEAT: "1s" });
    const ada = await Visitor.inSession(service.url);
    const events = await listening(ada);
    ada.token = (await ada.send("/sessions/rotate", { method: "POST" })).json.token;
    expect((await events.next()).value).toEqual({ event: "comment", data: ": ping" });
    await ada.send(`/sessions/${ada.session.id}`, { method: "DELETE" });
    expect((await all(events)).at(-1)).toEqual({ event: "ended", data: { reason: "ended" } });
  });

  test("of HEAD is the headers only: no stream is begun that nobody reads", async () => {
    const service = await served({ MAX_STREAMS_PER_USER: "1" });
    const ada = await Visitor.inSession(service.url);
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    for (let count = 0; count < 50; count++) {
      const { status, headers } = await ada.send("/session/events", { method: "HEAD" });
      expect(status).toBe(200);
      expect(headers.get("Content-Type")).toBe("text/event-stream");
      expect(headers.get("X-Accel-Buffering")).toBe("no");
    }
    // Each stream has a heartbeat.
    expect(timers()).toBeLessThan(before + 25);
    await listening(ada);
    expect((await new Visitor(service.url, "").fetch("/session/events", { method: "HEAD" })).status).toBe(401);
  });

  test("is open so often for each user, in all sessions together; then a 429, until one of them is over", async () => {
    const service = await served({ MAX_STREAMS_PER_USER: "3" });
    const [ada, elsewhere] = [await Visitor.inSession(service.url), await Visitor.inSession(service.url)];
    const leaving = new AbortController();
    await listening(ada, leaving.signal);
    await listening(ada);
    const third = await listening(elsewhere);
    for (const visitor of [ada, elsewhere]) {
      const refused = await visitor.send("/session/events");
      expect(refused).toMatchObject({
        status: 429,
        json: { code: "TOO_MANY_STREAMS", retryAfter: expect.any(Number) },
      });
      expect(refused.headers.get("Content-Type")).toBe("application/problem+json");
      expect(Number(refused.headers.get("Retry-After"))).toBe(refused.json.retryAfter);
    }
    await listening(await Visitor.inSession(service.url, "bob"));
    // One is over because its client left, another because its session has ended.
    leaving.abort();
    await expect.poll(async () => (await open(ada)).status).toBe(200);
    await elsewhere.send(`/sessions/${elsewhere.session.id}`, { method: "DELETE" });
    await all(third);
    expect((await open(ada)).status).toBe(200);
    expect((await open(ada)).status).toBe(429);
  });

  test("leaves nothing behind, also if it is opened and closed many times", async () => {
    const service = await served();
    const ada = await Visitor.inSession(service.url);
    const client = new Redis(inject("servers").single);
    const subscribers = async (): Promise<number> =>
      Number((await client.pubsub("NUMSUB", `${service.keyPrefix}:session-endings`))[1]);
    const warnings = heardWarnings();
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    for (let round = 0; round < 10; round++) {
      const leaving = new AbortController();
      await Promise.all(Array.from({ length: 20 }, () => listening(ada, leaving.signal)));
      leaving.abort();
    }
    await expect.poll(timers, { timeout: 5_000 }).toBeLessThan(before + 20);
    expect(await subscribers()).toBe(1);
    expect(warnings).toEqual([]);
    const events = await listening(ada);
    await ada.send(`/sessions/${ada.session.id}`, { method: "DELETE" });
    expect(await all(events)).toHaveLength(1);
    await client.quit();
  });

  test("ends when the server stops, without a word of an end: the page comes back", async () => {
    const service = await startTestService();
    const ada = await Visitor.inSession(service.url);
    const events = await listening(ada);
    const begun = performance.now();
    const stopped = service.stop();
    expect(await all(events)).toEqual([]);
    await stopped;
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});
