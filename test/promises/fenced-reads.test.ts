// P5 and the cost of a read: what goes over the wire, and in which order.
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { freshId, turn } from "../support/turns.js";

const { single } = inject("servers");
let client: Redis;
beforeAll(() => {
  client = new Redis(single);
});
afterAll(async () => {
  await client.quit();
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
  const history = new RedisChatMessageHistory({ client, sessionId });
  await history.addMessages(turn("the server knows the script now"));
  expect(await commandsFor(sessionId, () => history.addMessages(turn("one")))).toEqual(["EVALSHA"]);
  expect(await commandsFor(sessionId, () => history.length())).toEqual(["LLEN"]);
  // The other way round, a clear between the two would go unnoticed: old list, new mark.
  expect(await commandsFor(sessionId, () => history.getMessages())).toEqual(["HGET", "LRANGE"]);
});
