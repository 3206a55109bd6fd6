// P5 and the cost of a read: what goes over the wire, and in which order.
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { conversationOf } from "../../src/chat-history/history.js";
import { freshId, turn } from "../support/turns.js";

// One that nobody else uses: ioredis fails on what MONITOR tells before it knows that it is monitoring.
let redis: RunningRedis;
let client: Redis;
beforeAll(async () => {
  redis = await startRedis({ args: ["--save", ""] });
  client = new Redis(redis.url);
});
afterAll(async () => {
  await client.quit();
  await redis.stop();
});

/** The commands that name this id, as the server runs them, without those that a script runs. */
async function commandsFor(sessionId: string, work: () => Promise<unknown>): Promise<string[]> {
  const monitor = await client.duplicate().monitor();
  const seen: string[] = [];
  monitor.on("monitor", (_time: string, words: string[], source: string) => {
    if (source !== "lua" && words.some((word) => word.includes(sessionId))) seen.push((words[0] ?? "").toUpperCase());
  });
  await work();
  await client.ping(sessionId);
  await expect.poll(() => seen.at(-1)).toBe("PING");
  monitor.disconnect();
  return seen.slice(0, -1);
}

test("a turn is appended by one command, a history read by two in one go, the mark of a clear before the list", async () => {
  const sessionId = freshId();
  await new RedisChatMessageHistory({ client, sessionId: freshId() }).addMessages(
    turn("the server knows the script now"),
  );
  const history = new RedisChatMessageHistory({ client, sessionId });
  // The other way round, a clear between the two would go unnoticed: old list, new mark.
  expect(await commandsFor(sessionId, () => history.getMessages())).toEqual(["HMGET", "LRANGE"]);
  expect(await commandsFor(sessionId, () => history.addMessages(turn("one")))).toEqual(["EVALSHA"]);
  expect(await commandsFor(sessionId, () => history.length())).toEqual(["LLEN"]);
});

test("where the process found messages before, a history is read by one command: the entries carry the mark", async () => {
  const sessionId = freshId();
  const open = (): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId });
  await open().addMessages(turn("one"));
  expect(await commandsFor(sessionId, () => open().getMessages())).toEqual(["LRANGE"]);
  // Emptied meanwhile: the mark is asked for, before what the caller is shown.
  await open().clear();
  expect(await commandsFor(sessionId, () => open().getMessages())).toEqual(["LRANGE", "HMGET", "LRANGE"]);
  expect(await commandsFor(sessionId, () => open().getMessages())).toEqual(["HMGET", "LRANGE"]);
});

test("what a read returns that was under way during a clear() is not taken back either", async () => {
  for (let round = 0; round < 20; round++) {
    const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
    await history.addMessages(turn("old"));
    // With an operation id the read is a pipeline, whose replies ioredis hands out late: often after the clear's.
    const [{ past: read }] = await Promise.all([
      conversationOf(history).begin({ operationId: freshId() }),
      history.clear(),
    ]);
    expect(read).toHaveLength(2);
    await expect(history.addMessages(read), `round ${round}`).rejects.toMatchObject({ code: "INVALID_OPTION" });
  }
});
