// A program can have two copies of this package, one of them in a dependency. `instanceof` knows only one of them.
import { RunnableLambda } from "@langchain/core/runnables";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { importMessages, RedisChatMessageHistory, type SessionStore } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
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
