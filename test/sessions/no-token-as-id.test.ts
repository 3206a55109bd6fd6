// A secret token is no id, and the id of a session or of its conversation is none of a history on its own.
import { inspect } from "node:util";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  AgentMemory,
  InvalidOptionError,
  RedisChatMessageHistory,
  type Session,
  SessionStore,
} from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId, turn } from "../support/turns.js";

const keyPrefix = freshId();
/** Connects for its first command: there must be none. */
const unused = new Redis({ lazyConnect: true });
let client: Client;
let token: string;
let session: Session;
beforeAll(async () => {
  client = onOneRedis.connect();
  ({ token, session } = await new SessionStore({ client, keyPrefix }).create({ userId: "ada", agentId: "support" }));
});
afterAll(async () => {
  unused.disconnect();
  await client.quit();
});

const sessions = new SessionStore({ client: unused });
const history = new RedisChatMessageHistory({ client: unused, sessionId: "ada" });
const memory = new AgentMemory({ client: unused, namespace: "ada" });
const owner = { userId: "ada" };
const init = { ...owner, agentId: "support" };
const turns = new RunnableWithSession({
  runnable: () => "Hi",
  getMessageHistory: (sessionId) => new RedisChatMessageHistory({ client: unused, sessionId }),
});

test.each<[where: string, call: (secret: string) => unknown]>([
  ["sessionId of a history", (sessionId) => new RedisChatMessageHistory({ client: unused, sessionId })],
  ["sessionId of a chain", (sessionId) => turns.invoke("Hi", { configurable: { sessionId } })],
  ["keyPrefix", (secret) => new SessionStore({ client: unused, keyPrefix: secret })],
  ["namespace", (namespace) => new AgentMemory({ client: unused, namespace })],
  ["a key of memory", (key) => memory.set(key, 1)],
  ["operationId of a memory", (operationId) => memory.set("a", 1, { operationId })],
  ["operationId of a turn", (operationId) => history.addMessages(turn("Hi"), { operationId })],
  ["userId of create", (userId) => sessions.create({ ...init, userId })],
  ["orgId of create", (orgId) => sessions.create({ ...init, orgId })],
  ["agentId of create", (agentId) => sessions.create({ ...init, agentId })],
  ["conversationId of create", (conversationId) => sessions.create({ ...init, conversationId })],
  ["operationId of create", (operationId) => sessions.create(init, { operationId })],
  ["userId of verify", (userId) => sessions.verify(token, { userId })],
  ["the owner of a list", (userId) => sessions.list({ userId })],
  ["the id of endById", (id) => sessions.endById(owner, id)],
  ["openConversation", (id) => sessions.openConversation(session, id)],
  ["the conversation of conversations.messages", (id) => sessions.conversations.messages(owner, id)],
  ["the conversation of conversations.delete", (id) => sessions.conversations.delete(owner, id)],
])("a session token for %s is refused with advice, and not quoted", async (_where, call) => {
  for (const secret of [token, `user:${token}`]) {
    const error: unknown = await new Promise((resolve) => resolve(call(secret))).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect((error as Error).message).toMatch(/this contains a session token, which is secret: use an id of your own/);
    expect(inspect(error, { depth: 9 })).not.toContain(token.slice(0, 50));
  }
  expect(unused.status, "nothing was sent").toBe("wait");
});

describe("a history on its own refuses an id that belongs to sessions", () => {
  const open = (sessionId: string) => () => new RedisChatMessageHistory({ client: unused, sessionId });

  test("a session's id, with the call that has its conversation", () => {
    expect(open(session.id)).toThrow("sessionId: this is the id of a session: its conversation is sessions.history(");
    // Checked also where all other options were seen before.
    expect(open("ada")).not.toThrow();
    expect(open(session.id)).toThrow(InvalidOptionError);
  });

  test("a conversation's id, also that of a session that is opened again", async () => {
    expect(open(session.conversationId)).toThrow(
      "sessionId: this is a conversation of sessions: use sessions.history(",
    );
    const opened = await new SessionStore({ client, keyPrefix }).openConversation(session);
    expect(open(opened.conversationId)).toThrow(InvalidOptionError);
  });

  test("and takes ids of the caller's own that look like them", () => {
    for (let made = 0; made < 1_000; made++) {
      expect(open(Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url"))).not.toThrow();
    }
    for (const id of [crypto.randomUUID(), "lrs_", `${session.id}-notes`, `lrs_${"a".repeat(86)}`]) {
      expect(open(id)).not.toThrow();
    }
  });
});

test("a public id goes where one is expected: to endById, openConversation and messages", async () => {
  const store = new SessionStore({ client, keyPrefix });
  const made = await store.create(init);
  await store.history(made.session).addMessages([new HumanMessage("Hi"), new AIMessage("Hello")]);
  expect(await store.conversations.messages(owner, made.session.conversationId)).toHaveLength(2);
  expect(await store.openConversation(made.session, made.session.conversationId)).toMatchObject({
    id: made.session.id,
  });
  expect(await store.endById(owner, made.session.id)).toBe(true);
});
