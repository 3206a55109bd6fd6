// P9: no id, however hostile, reaches another key.
import { RedisChatMessageHistory as PeerHistory } from "@langchain/community/stores/message/ioredis";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { texts, turn } from "../support/turns.js";

let redis: RunningRedis;
let client: Redis;
beforeAll(async () => {
  redis = await startRedis({ cluster: false, args: ["--databases", "1"] });
  client = new Redis(redis.url);
});
afterAll(async () => {
  await client.quit();
  await redis.stop();
});

/** Fragments that have moved keys elsewhere: hash tags, separators, globs, escapes, line ends, look-alikes. */
const fragments = [
  "{", "}", "{}", "}{", ":", "::", "*", "?", "[a-z]", "\\", "\0", "\r\n", "\n", " ", "%", "%7D", "%257D", "a", "A",
  "messages", ":messages", "}:messages", ":meta", "}:operation:x", "chat:history:{a}:messages", "../", "'", '"', "(", "!",
  "é", "é", "ﬁ", "名前", "😀", "\u202E", "\u200B", "\uFEFF", "__proto__", "constructor", "undefined", "null", "$", ";",
  "FLUSHALL", "*3\r\n$3\r\nDEL\r\n",
]; // prettier-ignore

function hostileIds(howMany: number): string[] {
  const ids = new Set<string>(fragments);
  let seed = 20_261_121;
  const next = (bound: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * bound);
  };
  while (ids.size < howMany) {
    ids.add(Array.from({ length: 1 + next(6) }, () => fragments[next(fragments.length)]).join(""));
  }
  return [...ids];
}

const ids = hostileIds(2_000);
const others = ["a", "chat", "chat:history", "chat:history:a:messages", "*", "x}:messages", "chat:history:{}:messages"];

async function snapshot(): Promise<Record<string, string | null>> {
  return Object.fromEntries(await Promise.all(others.map(async (key) => [key, await client.get(key)] as const)));
}

test("2,000 hostile ids read, write and clear their own conversation and nothing else", async () => {
  for (const key of others) await client.set(key, `another application's ${key}`);
  const before = await snapshot();
  const history = (sessionId: string): RedisChatMessageHistory =>
    new RedisChatMessageHistory({ client, sessionId, ttl: "1h" });

  await Promise.all(ids.map((id) => history(id).addMessages(turn(id), { operationId: id })));
  const read = await Promise.all(ids.map((id) => history(id).getMessages()));
  expect(read.map(texts)).toEqual(ids.map((id) => [id, `re: ${id}`]));

  const ours = (await client.keys("*")).filter((key) => !others.includes(key));
  expect(ours.filter((key) => key.endsWith("}:messages"))).toHaveLength(ids.length);
  // One opening and one closing brace, and nothing in between or behind that could be read as a part of a key.
  const spelling = /^chat:history:\{[A-Za-z0-9\-_.~%]+\}:(messages|operation:[A-Za-z0-9\-_.~%]+)$/;
  expect(ours.filter((key) => !spelling.test(key))).toEqual([]);

  const half = ids.filter((_, index) => index % 2 === 0);
  await Promise.all(half.map((id) => history(id).clear()));
  const lengths = await Promise.all(ids.map((id) => history(id).length()));
  expect(lengths).toEqual(ids.map((_, index) => (index % 2 === 0 ? 0 : 2)));
  expect(await snapshot()).toEqual(before);
});

test("control: with the raw id as the key, clear() deletes another application's key", async () => {
  await client.set("chat", "another application's chat");
  await new PeerHistory({ client, sessionId: "chat" }).clear();
  expect(await client.get("chat")).toBeNull();
});
