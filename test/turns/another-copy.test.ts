// A program can have two copies of this package, one of them in a dependency. `instanceof` knows only one of them.
import { RunnableLambda } from "@langchain/core/runnables";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createAgent } from "langchain";
import { importMessages, InvalidOptionError, RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { ScriptedModel } from "../support/scripted-model.js";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId, texts, turn } from "../support/turns.js";

let client: Client;
let Other: typeof RedisChatMessageHistory;
let OtherStore: typeof SessionStore;
beforeAll(async () => {
  client = onOneRedis.connect();
  vi.resetModules();
  ({ RedisChatMessageHistory: Other, SessionStore: OtherStore } = await import("langchain-redis-sessions"));
});
afterAll(async () => {
  await client.quit();
});

test("the other copy has classes of its own", () => {
  expect(Other).not.toBe(RedisChatMessageHistory);
});

test("a turn over a history of another copy holds its conversation, and is stored once under its operation id", async () => {
  expect(Other).not.toBe(RedisChatMessageHistory);
  const sessionId = freshId();
  let held = 0;
  const chain = new RunnableWithSession({
    runnable: RunnableLambda.from(async () => {
      held = await client.exists(`chat:history:{${sessionId}}:lease`);
      return "yes";
    }),
    getMessageHistory: () => new Other({ client, sessionId }),
    concurrency: "wait",
  });
  const config = { configurable: { sessionId, operationId: "o" } };
  await chain.invoke("Hi", config);
  expect(held).toBe(1);
  expect(await client.exists(`chat:history:{${sessionId}}:lease`)).toBe(0);
  await expect(chain.invoke("Hi", config)).rejects.toMatchObject({ code: "OPERATION_CONFLICT" });
  expect(texts(await new RedisChatMessageHistory({ client, sessionId }).getMessages())).toEqual(["Hi", "yes"]);
});

test("a turn whose history of another copy cannot reach Redis is stored by its retry, under its lease", async () => {
  const sessionId = freshId();
  let fails = false;
  const failing = Object.assign(Object.create(client) as Client, {
    evalsha: async (...command: Parameters<Client["evalsha"]>) => {
      if (!fails) return client.evalsha(...command);
      fails = false;
      throw new Error("Connection is closed.");
    },
  });
  const chain = new RunnableWithSession({
    runnable: RunnableLambda.from(() => {
      fails = true;
      return "yes";
    }),
    getMessageHistory: () => new Other({ client: failing, sessionId }),
    concurrency: "wait",
  });
  const failure: unknown = await chain.invoke("Hi", { configurable: { sessionId } }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "TURN_NOT_STORED", cause: { code: "STORE_UNAVAILABLE" } });
  // Had the turn given back its lease, that would come before this on the same connection.
  expect(await client.exists(`chat:history:{${sessionId}}:lease`)).toBe(1);
  await (failure as { retry: () => Promise<void> }).retry();
  expect(await client.exists(`chat:history:{${sessionId}}:lease`)).toBe(0);
  expect(texts(await new RedisChatMessageHistory({ client, sessionId }).getMessages())).toEqual(["Hi", "yes"]);
});

test("messages are imported once into a history of another copy, on its own or a session's", async () => {
  const key = freshId();
  await client.lpush(key, '{"type":"human","data":{"content":"old"}}');
  const sessions = new OtherStore({ client });
  const { session } = await sessions.create({ userId: freshId(), agentId: "a" });
  for (const history of [new Other({ client, sessionId: freshId() }), sessions.history(session)]) {
    expect(await importMessages({ client, key, history })).toBe(1);
    expect(await importMessages({ client, key, history })).toBe(0);
    await history.addMessages(turn("new"));
    expect(texts(await history.getMessages())).toEqual(["old", "new", "re: new"]);
  }
  await client.del(key);
});

test("a runnable and an agent keep the conversations of a SessionStore of another copy, and end with its sessions", async () => {
  const sessions = new OtherStore({ client });
  expect(sessions).not.toBeInstanceOf(SessionStore);
  const { session } = await sessions.create({ userId: freshId(), agentId: "support" });
  const chain = new RunnableWithSession({ runnable: RunnableLambda.from(() => "one"), sessions, concurrency: "wait" });
  const config = { configurable: { session } };
  await chain.invoke("Hi", config);
  const agent = createAgent({ model: new ScriptedModel("two"), middleware: [sessionMiddleware({ sessions })] });
  await agent.invoke({ messages: "Again" }, { context: { session } });
  expect(texts(await sessions.history(session).getMessages())).toEqual(["Hi", "one", "Again", "two"]);
  await sessions.endById(session, session.id);
  await expect(chain.invoke("More", config)).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
  await sessions.close();
});

test("an object of a copy that does not fit is refused, and the error says what to do", async () => {
  const sessions = new OtherStore({ client });
  Object.defineProperty(sessions, Symbol.for("langchain-redis-sessions.session-store"), { value: 1 });
  const runnable = RunnableLambda.from(() => "one");
  const advice = "install only one (npm ls langchain-redis-sessions)";
  expect(() => new RunnableWithSession({ runnable, sessions })).toThrow(InvalidOptionError);
  expect(() => new RunnableWithSession({ runnable, sessions })).toThrow(advice);
  expect(() => sessionMiddleware({ sessions })).toThrow(advice);
  expect(() => sessionMiddleware({ sessions: {} as SessionStore })).toThrow("sessions: pass a SessionStore.");

  const history = new Other({ client, sessionId: freshId() });
  const conversation = (history as unknown as Record<symbol, object>)[
    Symbol.for("langchain-redis-sessions.conversation")
  ];
  Object.defineProperty(conversation, "protocol", { value: 1 });
  const chain = new RunnableWithSession({ runnable, getMessageHistory: () => history });
  await expect(chain.invoke("Hi", { configurable: { sessionId: "x" } })).rejects.toThrow(advice);
  expect(await history.getMessages()).toEqual([]);
});
