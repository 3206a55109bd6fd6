// What a client of the chat service can do, endpoint by endpoint, over HTTP.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startTestService, type TestService } from "./support/service.js";
import { all } from "./support/sent-events.js";
import { Visitor } from "./support/visitor.js";

let service: TestService;
let ada: Visitor;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.stop());
beforeEach(async () => {
  ada = await Visitor.inSession(service.url);
});

const nobody = (): Visitor => new Visitor(service.url, "");

describe("signing in", () => {
  test("GET /users names the demo users, POST /sign-in gives one of them a JWT", async () => {
    const { json } = await nobody().send("/users");
    expect(json.users).toEqual([
      { id: "ada", name: "Ada Lovelace" },
      { id: "bob", name: "Bob Kahn" },
    ]);
    const signedIn = await nobody().send("/sign-in", { body: { user: "bob" } });
    expect(signedIn).toMatchObject({ status: 200, json: { user: { id: "bob", name: "Bob Kahn" } } });
    expect(signedIn.json.jwt).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(signedIn.headers.get("Cache-Control")).toBe("no-store");
  });

  test("POST /sessions starts a session, which knows the device and its deadlines", async () => {
    const visitor = await Visitor.signedIn(service.url);
    const { status, json } = await visitor.send("/sessions", {
      body: { agentId: "assistant" },
      headers: { "User-Agent": "a phone" },
    });
    expect(status).toBe(201);
    const { session } = json;
    expect(session).toMatchObject({
      userId: "ada",
      agentId: "assistant",
      userAgent: "a phone",
      ipAddress: "127.0.0.1",
    });
    expect(Date.parse(session.lifetimeEndsAt) - Date.parse(session.startedAt)).toBe(7 * 86_400_000);
    expect(Date.parse(session.expiresAt) - Date.parse(session.startedAt)).toBe(1_800_000);
    expect(json.ended).toEqual(expect.any(Array));
  });

  test("POST /sessions takes up a conversation; a repeated one with its Idempotency-Key is the same session", async () => {
    await ada.say("Hi");
    const body = { agentId: "assistant", conversationId: ada.session.conversationId };
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    const first = await ada.send("/sessions", { body, headers });
    const again = await ada.send("/sessions", { body, headers });
    expect(first.json.session.conversationId).toBe(ada.session.conversationId);
    expect(again.json.session.id).toBe(first.json.session.id);
  });

  test("a User-Agent of any length is cut, not refused", async () => {
    const headers = { "User-Agent": "x".repeat(5_000) };
    const { status, json } = await ada.send("/sessions", { body: { agentId: "assistant" }, headers });
    expect(status).toBe(201);
    expect(json.session.userAgent).toHaveLength(300);
  });
});

describe("chatting", () => {
  test("POST /agents/:agentId/chat answers with the response and the number of messages", async () => {
    expect(await ada.say("My name is Ada.")).toMatchObject({
      status: 200,
      json: { response: "Nice to meet you, Ada.", messageCount: 2 },
    });
    expect((await ada.say("What is my name?")).json).toEqual({ response: "Your name is Ada.", messageCount: 4 });
  });

  test("as a stream: what is called, what it returned, words as they come, then the end", async () => {
    const { response, events } = await ada.listen("What time is it in Oslo?");
    expect(response.headers.get("Content-Type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("Cache-Control")).toBe("no-store, no-transform");
    const heard = await all(events);
    // Something at once, whatever the model takes.
    expect(heard[0]).toMatchObject({ event: "comment" });
    const [call, result, ...rest] = heard.filter(({ event }) => event === "");
    expect(call?.data).toEqual({
      type: "call",
      id: expect.any(String),
      name: "time_in",
      args: { zone: "Europe/Oslo" },
    });
    expect(result?.data).toEqual({
      type: "result",
      id: call?.data.id,
      name: "time_in",
      text: expect.stringMatching(/^\d\d:\d\d$/),
    });
    expect(rest.map(({ data }) => data.text).join("")).toMatch(/^It is \d\d:\d\d\.$/);
    const named = heard.filter(({ event }) => !["", "comment"].includes(event));
    const { json } = await ada.send(`/conversations/${ada.session.conversationId}/messages`);
    expect(named).toMatchObject([{ event: "end", data: { end: "stored", position: json.messages.at(-1).position } }]);
  });

  test("a place that the tool does not know is no failure", async () => {
    expect((await ada.say("What time is it in Atlantis?")).json.response).toMatch(/not known here/);
  });

  test("what it is asked to remember, it knows in another conversation", async () => {
    expect((await ada.say("What do you remember?")).json.response).toBe("I remember nothing yet.");
    await ada.say("Please remember that I like tea.");
    await ada.say("Remember my sister is called Eva!");
    await ada.send("/sessions/conversation", { body: {} });
    const { json } = await ada.say("What do you remember?");
    expect(json).toEqual({ response: "I remember that I like tea; that my sister is called Eva.", messageCount: 4 });
    await ada.send("/memory/facts", { method: "DELETE" });
  });

  test("a text of any script goes in and comes out as it was", async () => {
    const message = "Grüße, 你好, 👩‍👩‍👧 \u0000 \u202E end";
    await ada.say(message);
    expect((await ada.stored())[0]).toBe(`human: ${message}`);
  });
});

describe("sessions", () => {
  test("GET /session is the current one", async () => {
    const { json } = await ada.send("/session");
    expect(json.session).toMatchObject({ id: ada.session.id, isActive: true });
  });

  test("GET /sessions lists those of the user, and says which one asks", async () => {
    const other = await Visitor.inSession(service.url);
    const { json } = await ada.send("/sessions");
    const current = json.sessions.filter((one: { current: boolean }) => one.current);
    expect(current).toMatchObject([{ id: ada.session.id }]);
    expect(json.sessions).toContainEqual(expect.objectContaining({ id: other.session.id, current: false }));
  });

  test("DELETE /sessions/:id ends one, its own too; what is not there is a 404", async () => {
    const other = await Visitor.inSession(service.url);
    expect((await ada.send(`/sessions/${other.session.id}`, { method: "DELETE" })).status).toBe(204);
    expect(await other.send("/session")).toMatchObject({ status: 440, json: { reason: "ended" } });
    expect(await ada.send(`/sessions/${other.session.id}`, { method: "DELETE" })).toMatchObject({
      status: 404,
      json: { code: "SESSION_UNKNOWN" },
    });
    expect((await ada.send(`/sessions/${ada.session.id}`, { method: "DELETE" })).status).toBe(204);
    expect((await ada.send("/session")).status).toBe(440);
  });

  test("DELETE /sessions/:id of another user is a 404, and ends nothing", async () => {
    const bob = await Visitor.inSession(service.url, "bob");
    expect((await ada.send(`/sessions/${bob.session.id}`, { method: "DELETE" })).status).toBe(404);
    expect((await bob.send("/session")).status).toBe(200);
  });

  test("POST /sessions/end-all ends the others, or all", async () => {
    const jwt = await service.jwtFor("eve");
    // A user of its own, whose sign-ins are good for nothing for the rest of this second.
    const [eve, other] = [0, 1].map(() => new Visitor(service.url, jwt)) as [Visitor, Visitor];
    await Promise.all([eve.start(), other.start()]);
    const { json } = await eve.send("/sessions/end-all", { body: { others: true } });
    expect(json.ended).toBeGreaterThanOrEqual(1);
    expect((await other.send("/session")).status).toBe(440);
    expect((await eve.send("/session")).status).toBe(200);
    expect((await eve.send("/sessions/end-all", { body: {} })).json).toEqual({ ended: 1 });
    expect((await eve.send("/session")).status).toBe(440);
  });

  test("POST /sessions/rotate gives a new token; the old one is refused", async () => {
    const old = new Visitor(service.url, ada.jwt);
    old.token = ada.token;
    const { json } = await ada.send("/sessions/rotate", { method: "POST" });
    expect(json.session.id).toBe(ada.session.id);
    ada.token = json.token;
    expect((await ada.send("/session")).status).toBe(200);
    expect(await old.send("/session")).toMatchObject({ status: 440, json: { reason: "rotated" } });
  });

  test("POST /sessions/conversation opens a new conversation, or an earlier one", async () => {
    const first = ada.session.conversationId;
    await ada.say("Hi");
    const fresh = (await ada.send("/sessions/conversation", { body: {} })).json.session.conversationId as string;
    expect(fresh).not.toBe(first);
    expect((await ada.say("Hello")).json.messageCount).toBe(2);
    const back = await ada.send("/sessions/conversation", { body: { conversationId: first } });
    expect(back.json.session.conversationId).toBe(first);
    expect((await ada.say("Back")).json.messageCount).toBe(4);
  });

  test("the sixth session ends the oldest, and says so", async () => {
    const bobs = [];
    for (let count = 0; count < 6; count++) bobs.push(await Visitor.inSession(service.url, "bob"));
    const [first, ...rest] = bobs;
    expect(rest.at(-1)?.ended).toContain(first?.session.id);
    expect(await first?.send("/session")).toMatchObject({ status: 440, json: { reason: "evicted" } });
    for (const one of rest) expect((await one.send("/session")).status).toBe(200);
  });
});

describe("conversations", () => {
  test("a conversation is called after its first message, until it is renamed", async () => {
    const id = ada.session.conversationId;
    await ada.say("  Tell me something about the weather in the mountains, and how it has been over the last years ");
    const titleOf = async (): Promise<string> => {
      const { json } = await ada.send("/conversations");
      return json.conversations.find((one: { id: string }) => one.id === id).title as string;
    };
    expect(await titleOf()).toBe("Tell me something about the weather in the mountains, and…");
    expect((await ada.send(`/conversations/${id}`, { method: "PATCH", body: { title: " Weather " } })).status).toBe(
      204,
    );
    await ada.say("And today?");
    expect(await titleOf()).toBe("Weather");
    // Whoever asks for its messages is told it, too: the list may not reach back to it.
    const { json } = await ada.send(`/conversations/${id}/messages?limit=2`);
    expect(json.title).toBe("Weather");
    expect((await ada.send(`/conversations/${id}/messages?before=${json.next}`)).json).not.toHaveProperty("title");
  });

  test("GET /conversations goes page by page, most recent first", async () => {
    const carol = new Visitor(service.url, await service.jwtFor("carol"));
    await carol.start();
    for (const message of ["one", "two", "three"]) {
      await carol.send("/sessions/conversation", { body: {} });
      await carol.say(message);
    }
    const titles = ({ json }: { json: { conversations: { title: string }[] } }): string[] =>
      json.conversations.map(({ title }) => title);
    const first = await carol.send("/conversations?limit=2");
    expect(titles(first)).toEqual(["three", "two"]);
    const second = await carol.send(`/conversations?limit=2&before=${first.json.next}`);
    expect(titles(second)).toEqual(["one"]);
    expect(second.json.next).toBeNull();
  });

  test("GET /conversations/:id/messages goes page by page, oldest first, with tool calls", async () => {
    await ada.say("What time is it in Oslo?");
    const path = `/conversations/${ada.session.conversationId}/messages`;
    const last = await ada.send(`${path}?limit=3`);
    expect(last.json.messages).toMatchObject([
      { index: 1, type: "ai", text: "", toolCalls: [{ name: "time_in", args: { zone: "Europe/Oslo" } }] },
      { index: 2, type: "tool", name: "time_in" },
      { index: 3, type: "ai", at: expect.stringMatching(/^\d{4}-.*Z$/) },
    ]);
    const first = await ada.send(`${path}?limit=3&before=${last.json.next}`);
    expect(first.json).toMatchObject({ messages: [{ index: 0, type: "human" }], next: null });
  });

  test("DELETE /conversations/:id removes it; it is a 404 from then on, also for others", async () => {
    await ada.say("Hi");
    const path = `/conversations/${ada.session.conversationId}`;
    const bob = await Visitor.inSession(service.url, "bob");
    expect((await bob.send(path, { method: "DELETE" })).status).toBe(404);
    expect((await bob.send(`${path}/messages`)).status).toBe(404);
    expect((await bob.send(path, { method: "PATCH", body: { title: "mine" } })).status).toBe(404);
    expect((await ada.send(path, { method: "DELETE" })).status).toBe(204);
    expect(await ada.send(`${path}/messages`)).toMatchObject({ status: 404, json: { code: "CONVERSATION_NOT_FOUND" } });
  });
});

describe("memory", () => {
  test.each(["diet", "a key with spaces/and a slash", "日本", "*", "__proto__"])(
    "PUT, GET and DELETE /memory/%s",
    async (key) => {
      const path = `/memory/${encodeURIComponent(key)}`;
      const value = { vegetarian: true, since: [2019, null, "x"] };
      const put = await ada.send(path, { method: "PUT", body: { value } });
      expect(put.status).toBe(200);
      expect((await ada.send(path)).json).toEqual({ value, version: put.json.version });
      expect((await ada.send(path, { method: "DELETE" })).status).toBe(204);
      expect(await ada.send(path)).toMatchObject({ status: 404, json: { code: "MEMORY_NOT_FOUND" } });
      expect((await ada.send(path, { method: "DELETE" })).status).toBe(404);
    },
  );

  test("GET /memory has the keys; a write with If-Match does not overwrite what was learned meanwhile", async () => {
    const carl = new Visitor(service.url, await service.jwtFor("carl"));
    await carl.start();
    await carl.say("Remember that I like tea.");
    expect((await carl.send("/memory")).json).toEqual({ keys: ["facts"] });
    const { version } = (await carl.send("/memory/facts")).json as { version: number };
    await carl.say("Remember that I like cake.");
    const put = { method: "PUT", body: { value: ["I like coffee"] } };
    const stale = await carl.send("/memory/facts", { ...put, headers: { "If-Match": `"${version}"` } });
    expect(stale).toMatchObject({ status: 409, json: { code: "VERSION_CONFLICT" } });
    const now = (await carl.send("/memory/facts")).json as { value: string[]; version: number };
    expect(now.value).toEqual(["I like tea", "I like cake"]);
    const fresh = await carl.send("/memory/facts", { ...put, headers: { "If-Match": `"${now.version}"` } });
    expect(fresh.status).toBe(200);
    expect((await carl.send("/memory/new", { ...put, headers: { "If-Match": '"0"' } })).status).toBe(200);
    expect((await carl.send("/memory/new", { ...put, headers: { "If-Match": '"0"' } })).status).toBe(409);
    expect((await carl.send("/memory/new", { ...put, headers: { "If-Match": "3" } })).status).toBe(422);
  });

  test("each user has their own", async () => {
    const bob = await Visitor.inSession(service.url, "bob");
    await ada.send("/memory/secret", { method: "PUT", body: { value: 1 } });
    expect((await bob.send("/memory/secret")).status).toBe(404);
  });
});

test("GET /me/export has all that is stored of the user, and nothing of anybody else", async () => {
  const withFact = async (user: string): Promise<Visitor> => {
    const visitor = new Visitor(service.url, await service.jwtFor(user));
    await visitor.start();
    await visitor.say(`Remember that I am ${user}.`);
    return visitor;
  };
  const [erna, fred] = [await withFact("erna"), await withFact("fred")];
  const { headers, json } = await erna.send("/me/export");
  expect(headers.get("Content-Disposition")).toBe('attachment; filename="my-data.ndjson"');
  const records = (json as string)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { kind: string });
  expect(new Set(records.map(({ kind }) => kind))).toEqual(
    new Set(["session", "conversation", "answer", "memory", "checkpoint"]),
  );
  expect(json).toContain("I am erna");
  expect(json).not.toContain("fred");
  expect(json).not.toContain(erna.token);
  const old = new Visitor(service.url, await service.jwtFor("fred", new Date(Date.now() - 3_600_000)));
  old.token = fred.token;
  expect(await old.send("/me/export")).toMatchObject({ status: 401, json: { code: "REAUTHENTICATION_REQUIRED" } });
});

test("DELETE /me removes everything, and ends the session that asked", async () => {
  const dora = new Visitor(service.url, await service.jwtFor("dora"));
  await dora.start();
  await dora.say("Remember that this will go.");
  expect((await dora.send("/me", { method: "DELETE" })).json).toEqual({
    sessions: 1,
    conversations: 1,
    memories: 1,
    threads: 1,
    items: 0,
  });
  expect((await dora.send("/session")).status).toBe(440);
  // Of a later second.
  const anew = new Visitor(service.url, await service.jwtFor("dora", new Date(Date.now() + 1_000)));
  await anew.start();
  expect((await anew.send("/conversations")).json.conversations).toEqual([]);
  expect((await anew.say("What do you remember?")).json.response).toBe("I remember nothing yet.");
});

test("GET /health asks Redis", async () => {
  const { status, json } = await nobody().send("/health");
  expect(status).toBe(200);
  expect(json).toEqual({ redis: "ok", milliseconds: expect.any(Number) });
});

test("GET / is the page, which may run no script and no style but its own", async () => {
  const { status, headers } = await nobody().send("/");
  expect(status).toBe(200);
  expect(headers.get("Content-Type")).toMatch(/^text\/html/);
  expect(headers.get("Cache-Control")).toBe("no-cache");
  const policy = headers.get("Content-Security-Policy") ?? "";
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|\*/);
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(headers.get("X-Frame-Options")).toBe("DENY");
  expect(headers.get("Referrer-Policy")).toBe("no-referrer");
});
