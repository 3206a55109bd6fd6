import { RedisChatMessageHistory as CommunityHistory } from "@langchain/community/stores/message/ioredis";
import { AIMessage, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { RedisChatMessageHistory as RedisPackageHistory } from "@langchain/redis";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { importMessages, InvalidOptionError, RedisChatMessageHistory } from "langchain-redis-sessions";
import { faultyProxy } from "langchain-redis-sessions/testing";
import { Redis } from "ioredis";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId, texts, turn } from "../support/turns.js";

const { single } = inject("servers");

let client: Client;
beforeAll(() => {
  client = onOneRedis.connect();
});
afterAll(async () => {
  await client.quit();
});

const old: BaseMessage[] = [
  new SystemMessage("Be kind."),
  new HumanMessage({ content: [{ type: "text", text: "Weather?" }], name: "ada" }),
  new AIMessage({ content: "", tool_calls: [{ id: "1", name: "weather", args: { city: "Oslo" }, type: "tool_call" }] }),
  new ToolMessage({ content: "rain", tool_call_id: "1" }),
  new AIMessage({ content: "It rains.", response_metadata: { model: "m" } }),
];

const peers = [
  {
    name: "@langchain/community (ioredis)",
    write: async (key: string): Promise<void> => {
      await new CommunityHistory({ client: client as never, sessionId: key, sessionTTL: 60 }).addMessages(old);
    },
  },
  {
    name: "@langchain/redis",
    write: async (key: string): Promise<void> => {
      const history = new RedisPackageHistory({
        sessionId: key,
        sessionTTL: 60,
        config: { url: `redis://${single.host}:${single.port}` },
      });
      await history.addMessages(old);
      await history.client.quit();
    },
  },
];

describe.each(peers)("a history of $name", ({ write }) => {
  test("is copied, oldest first, and left as it was", async () => {
    const key = freshId();
    await write(key);
    const before = await client.lrange(key, 0, -1);
    const history = new RedisChatMessageHistory({ client, sessionId: key });
    expect(await importMessages({ client, key, history })).toBe(5);
    const copied = await new RedisChatMessageHistory({ client, sessionId: key }).getMessages();
    expect(copied.map((message) => message.toDict())).toEqual(old.map((message) => message.toDict()));
    expect(await client.lrange(key, 0, -1)).toEqual(before);
  });

  test("is copied once by many processes, and never again", async () => {
    const key = freshId();
    await write(key);
    const history = (): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId: key });
    await Promise.all(Array.from({ length: 10 }, () => importMessages({ client, key, history: history() })));
    expect(await history().length()).toBe(5);
    await history().addMessages(turn("new"));
    expect(await importMessages({ client, key, history: history() })).toBe(0);
    expect(await history().length()).toBe(7);
  });
});

test("nothing is copied from an unknown key", async () => {
  const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
  expect(await importMessages({ client, key: freshId(), history })).toBe(0);
  expect(texts(await history.getMessages())).toEqual([]);
});

test("an entry that cannot be read is named, without its content, and nothing is copied", async () => {
  const key = freshId();
  await client.rpush(key, '{"type":"human","data":{"content":"x"}}', "SECRET{");
  const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
  const work = importMessages({ client, key, history });
  await expect(work).rejects.toMatchObject({ code: "CORRUPT_MESSAGE", index: 1 });
  await expect(work).rejects.not.toThrow(/SECRET/);
  expect(await history.length()).toBe(0);
  await client.del(key);
});

test("entries that cannot be read are left out on request, and the rest is copied", async () => {
  const key = freshId();
  const good = (content: string): string => JSON.stringify({ type: "human", data: { content } });
  const bad = [
    "SECRET{",
    "null",
    "5",
    JSON.stringify({ type: "oracle", data: { content: "x" } }),
    JSON.stringify({ type: "human", data: { content: { text: "x" } } }),
    JSON.stringify({ type: "ai", data: { content: "x", tool_calls: [null] } }),
    JSON.stringify({ type: "tool", data: { content: "x", tool_call_id: 5 } }),
    JSON.stringify({ type: "tool", data: null }),
    JSON.stringify({ type: "generic", data: { content: "x" } }),
  ];
  await client.rpush(key, good("newest"), ...bad, good("oldest"));
  for (const [index, entry] of bad.entries()) {
    await client.rpush(`${key}-${index}`, good("newest"), entry);
    const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
    const work = importMessages({ client, key: `${key}-${index}`, history });
    await expect(work).rejects.toMatchObject({ code: "CORRUPT_MESSAGE", index: 1 });
    await client.del(`${key}-${index}`);
  }
  const history = new RedisChatMessageHistory({ client, sessionId: key });
  expect(await importMessages({ client, key, history, onCorrupt: "skip" })).toBe(2);
  expect(texts(await history.getMessages())).toEqual(["oldest", "newest"]);
  await client.del(key);
});

test("calls and results without an id are copied as they are", async () => {
  const key = freshId();
  const call = { name: "weather", args: {} };
  const results = [null, "", undefined].map((id) => new ToolMessage({ content: "rain", tool_call_id: id as string }));
  const asked = new AIMessage({ content: "", tool_calls: [{ ...call, id: null as never }, call] });
  await new CommunityHistory({ client: client as never, sessionId: key, sessionTTL: 60 }).addMessages([
    asked,
    ...results,
  ]);
  const history = new RedisChatMessageHistory({ client, sessionId: key });
  expect(await importMessages({ client, key, history })).toBe(4);
  const [copied, ...answers] = await history.getMessages();
  expect((copied as AIMessage).tool_calls).toStrictEqual([{ ...call, id: null }, call]);
  expect(answers.map((answer) => (answer as ToolMessage).tool_call_id)).toEqual([null, "", undefined]);
});

test("nothing is copied into a history that was cleared, or that got a turn meanwhile", async () => {
  const key = freshId();
  await client.rpush(key, '{"type":"human","data":{"content":"old"}}');
  const open = (): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId: key });
  expect(await importMessages({ client, key, history: open() })).toBe(1);
  await open().clear();
  expect(await importMessages({ client, key, history: open() })).toBe(0);
  expect(await open().length()).toBe(0);
  await client.del(key);
});

test("with maxMessages the newest are copied", async () => {
  const key = freshId();
  await client.lpush(
    key,
    ...["one", "two", "three"].map((content) => JSON.stringify({ type: "human", data: { content } })),
  );
  const history = new RedisChatMessageHistory({ client, sessionId: key, maxMessages: 2 });
  expect(await importMessages({ client, key, history })).toBe(2);
  expect(texts(await history.getMessages())).toEqual(["two", "three"]);
  await client.del(key);
});

test("a turn that comes in meanwhile is not followed by older messages", async () => {
  const outcomes = new Set<string>();
  for (let round = 0; round < 50; round++) {
    const key = freshId();
    await client.rpush(key, '{"type":"human","data":{"content":"old"}}');
    const open = (): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId: key });
    await Promise.all([
      importMessages({ client, key, history: open() }),
      open().addMessages([new HumanMessage("new")]),
    ]);
    outcomes.add(texts(await open().getMessages()).join(" "));
  }
  expect([...outcomes].filter((outcome) => outcome !== "old new" && outcome !== "new")).toEqual([]);
});

test("the old list is read within the deadline", async () => {
  await using proxy = await faultyProxy(single);
  const silent = new Redis({ port: proxy.port });
  await silent.ping();
  proxy.blackhole();
  const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
  const work = importMessages({ client: silent, key: "k", history, deadline: 0.2 });
  await expect(work).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", message: expect.stringContaining("200 ms") });
  silent.disconnect();
});

test("bad options are refused", async () => {
  const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
  await expect(importMessages({ client: {} as never, key: "k", history })).rejects.toThrow(InvalidOptionError);
  await expect(importMessages(undefined as never)).rejects.toThrow(InvalidOptionError);
  await expect(importMessages({ client, key: "", history })).rejects.toThrow(InvalidOptionError);
  await expect(importMessages({ client, key: "k", history: {} as never })).rejects.toThrow(InvalidOptionError);
  const onCorrupt = "ignore" as never;
  await expect(importMessages({ client, key: "k", history, onCorrupt })).rejects.toMatchObject({ option: "onCorrupt" });
});
