// A server before Redis 7.0 is named as what it is: nothing was written, and no repetition helps.
import { Redis } from "ioredis";
import { afterEach, describe, expect, inject, test } from "vitest";
import { AgentMemory, RedisChatMessageHistory, SessionStore, StoreUnavailableError } from "langchain-redis-sessions";
import { RedisSaver } from "langchain-redis-sessions/langgraph";
import { closingIn } from "../support/closing.js";
import { redis6 } from "../support/redis-6.js";
import { freshId, turn } from "../support/turns.js";

const { single } = inject("servers");
const { closing, keep } = closingIn(afterEach);

async function connected(options: Parameters<typeof redis6>[1] = {}) {
  const server = await redis6(single, options);
  closing.push(() => server.close());
  const client = keep(new Redis({ host: server.host, port: server.port, enableReadyCheck: false }));
  return { client, server };
}

const owner = { userId: "ada" };
const calls: readonly [name: string, call: (client: Redis, wait?: { replicas: number; timeout: number }) => unknown][] =
  [
    [
      "a turn",
      (client, wait) => new RedisChatMessageHistory({ client, sessionId: freshId(), wait }).addMessages(turn("Hi")),
    ],
    ["a clear()", (client, wait) => new RedisChatMessageHistory({ client, sessionId: freshId(), wait }).clear()],
    ["a value", (client, wait) => new AgentMemory({ client, namespace: freshId(), wait }).set("a", 1)],
    ["a read of a value", (client) => new AgentMemory({ client, namespace: freshId() }).get("a")],
    ["a sign-in", (client, wait) => new SessionStore({ client, wait }).create({ ...owner, agentId: "support" })],
    ["a list", (client) => new SessionStore({ client }).list(owner)],
    ["a read of a graph", (client) => new RedisSaver({ client }).getTuple({ configurable: { thread_id: freshId() } })],
    ["the end of a thread", (client, wait) => new RedisSaver({ client, wait }).deleteThread(freshId())],
    ["an erasure", (client, wait) => new SessionStore({ client, wait }).eraseUser(owner)],
  ];

describe.each([
  { how: "without wait", wait: undefined },
  { how: "with wait", wait: { replicas: 1, timeout: 0.1 } },
])("Redis 6.2, $how", ({ wait }) => {
  test.each(calls)(
    "%s fails with the version that there is, the one that is needed, and no advice to repeat",
    async (_name, call) => {
      const { client, server } = await connected();
      const error: unknown = await Promise.resolve(call(client, wait)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error).toMatchObject({
        indeterminate: false,
        message:
          "The server is Redis 6.2.9, and Redis 7.0 or Valkey 7.2 is needed, or a later version. Nothing was written.",
      });
      expect(server.commands.filter((command) => command === "INFO")).toHaveLength(1);
    },
  );
});

test("a server that may not tell its version is named by what it cannot run", async () => {
  const { client } = await connected({ mayTell: false });
  const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
  await expect(history.addMessages(turn("Hi"), { operationId: "mine" })).rejects.toMatchObject({
    indeterminate: false,
    operationId: "mine",
    message: expect.stringMatching(/^The server is Redis before 7\.0, and Redis 7\.0 or Valkey 7\.2 is needed/),
  });
});

test("a read of messages needs no script: it is served, and asks for no version", async () => {
  const { client, server } = await connected();
  const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
  expect(await history.getMessages()).toEqual([]);
  expect(server.commands).not.toContain("INFO");
});
