// What is wrong with a request is told in a way that helps to mend it, and is never a fault of the server.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readConfig } from "../../examples/chat-server/config.js";
import { startTestService, type TestService } from "./support/service.js";
import { Visitor } from "./support/visitor.js";

let service: TestService;
let ada: Visitor;
beforeAll(async () => {
  service = await startTestService();
  ada = await Visitor.inSession(service.url);
});
afterAll(() => service.stop());

const chat = "/agents/assistant/chat";
const deep = `${"[".repeat(2_000)}${"]".repeat(2_000)}`;
const cases: readonly (readonly [what: string, method: string, path: string, body: unknown, told: RegExp])[] = [
  ["no message", "POST", chat, {}, /message: use a text/],
  ["an empty message", "POST", chat, { message: "" }, /message: use a text that is not empty/],
  ["a message that is a number", "POST", chat, { message: 1 }, /message: use a text/],
  ["a message that is too long", "POST", chat, { message: "x".repeat(20_001) }, /message: use at most 20000/],
  ["a conversation without a name", "POST", chat, { message: "Hi", conversationId: "" }, /conversationId: use the id/],
  [
    "a conversation by a made-up name",
    "POST",
    chat,
    { message: "Hi", conversationId: "a}:*" },
    /conversationId: use the id/,
  ],
  ["half a character", "POST", chat, '{"message":"\\ud83d"}', /message: use well-formed Unicode/],
  ["a name that is not known", "POST", chat, { message: "Hi", mesage: "x" }, /mesage/],
  ["a list in the place of an object", "POST", chat, [], /body: .*object/],
  ["nobody", "POST", "/sign-in", { user: "eve" }, /user: use one of ada, bob/],
  ["an agent that is not there", "POST", "/sessions", { agentId: "x" }, /agentId: use assistant/],
  ["a conversation that is none", "POST", "/sessions", { agentId: "assistant", conversationId: "" }, /conversationId/],
  ["others that is no yes or no", "POST", "/sessions/end-all", { others: "yes" }, /others: use true or false/],
  ["a blank title", "PATCH", "/conversations/x", { title: "  " }, /title: use a text that is not empty/],
  ["a title that is too long", "PATCH", "/conversations/x", { title: "x".repeat(201) }, /title: use at most 200/],
  ["a page of none", "GET", "/conversations?limit=0", undefined, /limit: use at least 1/],
  ["a page of too many", "GET", "/conversations?limit=101", undefined, /limit: use at most 100/],
  ["a page before nothing", "GET", "/conversations?before=yesterday", undefined, /before: use a whole number/],
  ["a time beyond all times", "GET", "/conversations?before=9999999999999999", undefined, /before: use at most/],
  ["a parameter that is not known", "GET", "/conversations?offset=1", undefined, /offset/],
  ["a message before none", "GET", "/conversations/x/messages?before=-1", undefined, /before: use a whole number/],
  ["no value", "PUT", "/memory/x", {}, /value: use any JSON value/],
  ["a value that is too deep", "PUT", "/memory/x", `{"value":${deep}}`, /nested deeper than 500 levels/],
  ["a key that is too long", "PUT", `/memory/${"x".repeat(1_025)}`, { value: 1 }, /key: use at most 1024/],
];

test.each(cases)("%s is a 422 that says what to do (%s %s)", async (_what, method, path, body, told) => {
  const { status, json, headers } = await ada.send(path, { method, body });
  expect({ status, code: json.code }).toEqual({ status: 422, code: "INVALID_INPUT" });
  expect(json.detail).toMatch(told);
  expect(headers.get("Content-Type")).toBe("application/problem+json");
});

test.each([
  ["POST", chat],
  ["POST", "/sign-in"],
  ["POST", "/sessions"],
  ["POST", "/sessions/end-all"],
  ["POST", "/sessions/conversation"],
  ["PATCH", "/conversations/x"],
  ["PUT", "/memory/x"],
])("%s %s with a body that is no JSON, or none, is a 400", async (method, path) => {
  for (const body of ["{ message: 'Hi' }", "", "message=Hi"]) {
    expect(await ada.send(path, { method, body })).toMatchObject({ status: 400, json: { code: "INVALID_BODY" } });
  }
});

test.each(["", " ", "a b", "ключ", "x".repeat(201), `lrs_${"x".repeat(87)}`])(
  "an Idempotency-Key of %j is a 422",
  async (key) => {
    const headers = { "Idempotency-Key": Buffer.from(key).toString("latin1") };
    const { status, json } = await ada.send(chat, { body: { message: "Hi" }, headers });
    // An empty header is one.
    expect({ status, detail: json.detail }).toEqual({
      status: 422,
      detail: expect.stringContaining("Idempotency-Key"),
    });
  },
);

test.each(["x", "%00", "%", "%FF%FE", "*", "%F0%9F%98%80", `lrs_${"x".repeat(87)}`])(
  "an id of %j is nothing, and no fault",
  async (id) => {
    for (const [method, path, body] of [
      ["GET", `/conversations/${id}/messages`],
      ["DELETE", `/conversations/${id}`],
      ["PATCH", `/conversations/${id}`, { title: "x" }],
      ["DELETE", `/sessions/${id}`],
      ["GET", `/memory/${id}`],
    ] as const) {
      expect([404, 422]).toContain((await ada.send(path, { method, body })).status);
    }
  },
);

test("nothing of all this was noted as a fault of the server", () => {
  expect(service.entries().filter(({ level }) => level === "error")).toEqual([]);
});

describe("settings", () => {
  test("have defaults that suit a chat", () => {
    expect(readConfig({})).toMatchObject({
      PORT: 3000,
      HOST: "127.0.0.1",
      DATA_DIR: ".data",
      IDLE_TIMEOUT: 1_800,
      LIFETIME: 604_800,
      MAX_SESSIONS_PER_USER: 5,
    });
    expect(readConfig({ PORT: "", IDLE_TIMEOUT: "" })).toEqual(readConfig({}));
  });

  test("that cannot be used are told, all at once", () => {
    const wrong = { PORT: "http", IDLE_TIMEOUT: "soon", REDIS_URL: "localhost", TURNS_PER_MINUTE: "0", LIFETIME: "0s" };
    const read = (): unknown => readConfig(wrong);
    for (const [name, told] of [
      ["PORT", "use a whole number"],
      ["IDLE_TIMEOUT", "use a length of time such as"],
      ["REDIS_URL", "use redis://"],
      ["TURNS_PER_MINUTE", "use at least 1"],
      ["LIFETIME", "use more than 0"],
    ]) {
      expect(read).toThrow(`${name}: ${told}`);
    }
    expect(() => readConfig({ PORT: "65536" })).toThrow("PORT: use a port");
    expect(() => readConfig({ LIFETIME: "31d" })).toThrow("CONVERSATION_TTL: use at least LIFETIME");
    for (const name of ["TURN_TIMEOUT", "TURN_WAIT", "SHUTDOWN_TIMEOUT", "HEARTBEAT"]) {
      expect(() => readConfig({ [name]: "25d" }), "would overflow its timer").toThrow(`${name}: use at most 1d`);
    }
  });

  test("name proxies by number or by address", () => {
    expect(readConfig({ TRUSTED_PROXIES: "2" }).TRUSTED_PROXIES).toEqual({ trustedProxies: 2 });
    expect(readConfig({ TRUSTED_PROXIES: "10.0.0.0/8, fd00::/8" }).TRUSTED_PROXIES).toEqual({
      trustedProxies: ["10.0.0.0/8", "fd00::/8"],
    });
  });
});
