// A server that restarts or is told SCRIPT FLUSH has forgotten every script. On servers of its own: what the other tests
// count and lose would be something else when the servers they share forget.
import { afterAll, beforeAll, expect, test } from "vitest";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { topologiesOn } from "../support/topologies.js";
import { freshId, texts, turn } from "../support/turns.js";

let single: RunningRedis;
let cluster: RunningRedis;
beforeAll(async () => {
  [single, cluster] = await Promise.all([startRedis(), startRedis({ cluster: true })]);
});
afterAll(async () => {
  await Promise.all([single.stop(), cluster.stop()]);
});

const servers = () => ({ single: { host: single.host, port: single.port }, cluster: cluster.nodes });

test.each(topologiesOn(servers))("a history on $name works again after the server forgot every script", async (on) => {
  const client = on.connect();
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
