// A server that restarts or is told SCRIPT FLUSH has forgotten every script. On servers of its own: what the other tests
// count and lose would be something else when the servers they share forget.
import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import type { Client } from "../support/topologies.js";
import { freshId, texts, turn } from "../support/turns.js";

let single: RunningRedis;
let cluster: RunningRedis;
beforeAll(async () => {
  [single, cluster] = await Promise.all([startRedis(), startRedis({ cluster: true })]);
});
afterAll(async () => {
  await Promise.all([single.stop(), cluster.stop()]);
});

// The commands used here are the same in both versions; their types are not interchangeable.
test.each<[name: string, connect: () => Client]>([
  ["one Redis, ioredis 6", () => new Redis(single.url)],
  ["one Redis, ioredis 5", () => new Redis5(single.url) as unknown as Redis],
  ["Cluster of three, ioredis 6", () => new Cluster([...cluster.nodes])],
  ["Cluster of three, ioredis 5", () => new Cluster5([...cluster.nodes]) as unknown as Cluster],
])("a history on %s works again after the server forgot every script", async (_name, connect) => {
  const client = connect();
  const forget = async (): Promise<void> => {
    const nodes = "nodes" in client ? client.nodes("master") : [client];
    await Promise.all(nodes.map((node) => node.script("FLUSH")));
  };
  const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
  await history.addMessages(turn("one"));
  await forget();
  await history.addMessages(turn("two"));
  expect(await history.length()).toBe(4);
  await forget();
  await history.clear();
  await history.addMessages(turn("three"));
  expect(texts(await history.getMessages())).toEqual(["three", "re: three"]);
  await client.quit();
});
