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

test("further options win", () => {
  const client = connect("redis://localhost:6379", { lazyConnect: true, maxRetriesPerRequest: 1, keyPrefix: "app:" });
  expect(client.options).toMatchObject({ maxRetriesPerRequest: 1, keyPrefix: "app:", connectTimeout: 2_000 });
  client.disconnect();
});

test.each(["", "localhost:6379", "http://localhost", "/tmp/redis.sock"])("%o is no address", (url) => {
  expect(() => connect(url)).toThrow(InvalidOptionError);
});
