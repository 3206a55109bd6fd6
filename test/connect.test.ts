import { connect, InvalidOptionError, RedisChatMessageHistory } from "langchain-redis-sessions";
import { faultyProxy } from "langchain-redis-sessions/testing";
import { expect, inject, test } from "vitest";
import { freshId, texts, turn } from "./support/turns.js";

const { single } = inject("servers");

test("a connected client serves a history, and is the caller's to close", async () => {
  const client = connect(`redis://${single.host}:${single.port}`);
  const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
  await history.addMessages(turn("hi"));
  expect(texts(await history.getMessages())).toEqual(["hi", "re: hi"]);
  expect(client.status).toBe("ready");
  await client.quit();
});

test("a command held back while Redis is away runs when Redis is back within the deadline", async () => {
  await using proxy = await faultyProxy(single);
  const client = connect(proxy.url);
  client.on("error", () => {});
  await client.ping();
  const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
  proxy.refuse();
  const adding = history.addMessages(turn("hi"));
  client.once("reconnecting", () => void proxy.heal());
  await adding;
  expect(await history.length()).toBe(2);
  client.disconnect();
});

test("each command, not only the first, fails within 3.6 s while Redis is away", async () => {
  await using proxy = await faultyProxy(single);
  const client = connect(proxy.url);
  client.on("error", () => {});
  await client.ping();
  proxy.refuse();
  let attempts = 0;
  client.on("reconnecting", () => {
    attempts += 1;
  });
  const waits: number[] = [];
  const { retryStrategy } = client.options;
  for (const round of [1, 2]) {
    const before = attempts;
    await expect(client.ping()).rejects.toThrow("max retries per request");
    expect(attempts - before, `round ${round}`).toBeLessThanOrEqual(9);
  }
  for (let attempt = 1; attempt <= 100; attempt++) waits.push(Number(retryStrategy?.(attempt)));
  expect(Math.max(...waits) * 9).toBeLessThanOrEqual(3_600);
  client.disconnect();
});

test("a connection that went silent is dropped and replaced", async () => {
  await using proxy = await faultyProxy(single);
  const client = connect(proxy.url, { socketTimeout: 200 });
  expect(connect(proxy.url, { lazyConnect: true }).options.socketTimeout).toBe(5_000);
  client.on("error", () => {});
  await client.ping();
  proxy.blackhole();
  const answer = client.ping();
  await new Promise((resolve) => {
    client.once("close", resolve);
  });
  await proxy.heal();
  expect(await answer).toBe("PONG");
  client.disconnect();
});

test("further options win", () => {
  const client = connect("redis://localhost:6379", { lazyConnect: true, maxRetriesPerRequest: 1, keyPrefix: "app:" });
  expect(client.options).toMatchObject({ maxRetriesPerRequest: 1, keyPrefix: "app:", connectTimeout: 2_000 });
  client.disconnect();
});

test.each([
  "",
  "localhost:6379",
  "http://localhost",
  "/tmp/redis.sock",
  // ioredis would connect to localhost, take these for a file or another database, or throw a URIError.
  "redis:localhost:6379",
  "redis:/localhost:6379",
  "redis:///1",
  "redis:///tmp/redis.sock",
  "redis://localhost:6379/app",
  "redis://:sec%ret@localhost:6379",
])("%o is no address", (url) => {
  expect(() => connect(url)).toThrow(InvalidOptionError);
});
