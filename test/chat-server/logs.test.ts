// What is logged: enough to follow a request, and nothing that opens a session or was said.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestService, type TestService } from "./support/service.js";
import { all } from "./support/sent-events.js";
import { Visitor } from "./support/visitor.js";

let service: TestService;
let ada: Visitor;
const secrets = {
  message: "my-very-private-message",
  query: "my-private-query",
  memoryKey: "my-private-key",
  memoryValue: "my-private-value",
  title: "my-private-title",
  idempotencyKey: "my-private-idempotency-key",
};
const tokens: string[] = [];

/** One of everything, good and bad. */
beforeAll(async () => {
  service = await startTestService();
  ada = await Visitor.inSession(service.url);
  tokens.push(ada.jwt, ada.token);
  await ada.say(secrets.message, secrets.idempotencyKey);
  await ada.say(secrets.message, secrets.idempotencyKey);
  await all((await ada.listen(`Remember that ${secrets.message}.`)).events);
  await ada.say("What do you remember?");
  await ada.send(`/memory/${secrets.memoryKey}`, { method: "PUT", body: { value: secrets.memoryValue } });
  await ada.send(`/memory/${secrets.memoryKey}?q=${secrets.query}`);
  await ada.send(`/conversations?${secrets.query}=1`);
  await ada.send(`/conversations/${ada.session.conversationId}`, { method: "PATCH", body: { title: secrets.title } });
  await ada.send("/agents/assistant/chat", { body: `{"message":"${secrets.message}` });
  await ada.send(`/${secrets.query}`);
  tokens.push((await ada.send("/sessions/rotate", { method: "POST" })).json.token as string);
  await ada.send("/session");
  await new Visitor(service.url, `${ada.jwt}x`).send("/session");
});
afterAll(() => service.stop());

test("no token, no JWT, nothing that was said, no key, no query string is in any line", () => {
  const logged = service.lines.join("");
  for (const secret of [...tokens, ...Object.values(secrets)]) expect(logged).not.toContain(secret);
  // Nor a part of one: the secret of a token, the signature of a JWT.
  for (const token of tokens) expect(logged).not.toContain(token.slice(-20));
});

test("each line is JSON, one for each request, with method, pattern, status, time, session and user", () => {
  const entries = service.entries();
  for (const line of service.lines) expect(line).toMatch(/^\{[^\n]*\}\n$/);
  const requests = entries.filter(({ event }) => event === "request");
  expect(requests.length).toBe(15);
  expect(requests).toContainEqual({
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    level: "info",
    event: "request",
    method: "PUT",
    route: "/memory/:key",
    status: 200,
    ms: expect.any(Number),
    session: ada.session.id,
    user: "ada",
  });
  expect(requests).toContainEqual(expect.objectContaining({ route: "/sessions", status: 201, user: "ada" }));
  expect(requests).toContainEqual(expect.objectContaining({ route: "/session", status: 401 }));
  expect(requests).toContainEqual(expect.objectContaining({ route: "/*", status: 404 }));
});

test("each turn that was begun has a line with its outcome", () => {
  const turns = service.entries().filter(({ event }) => event === "turn");
  expect(turns.map(({ outcome }) => outcome)).toEqual(["done", "done", "done"]);
  expect(turns[0]).toMatchObject({ session: ada.session.id, user: "ada", agent: "assistant", ms: expect.any(Number) });
});
