// The chat histories of docs/comparison.md, side by side. Two rows of its table are shown elsewhere:
// out of memory in typed-failures.test.ts, another application's key in isolation.test.ts.
import { RedisChatMessageHistory as CommunityHistory } from "@langchain/community/stores/message/ioredis";
import type { BaseListChatMessageHistory } from "@langchain/core/chat_history";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { RedisChatMessageHistory as RedisPackageHistory } from "@langchain/redis";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { CorruptMessageError, RedisChatMessageHistory } from "langchain-redis-sessions";
import { faultyProxy, type FaultyProxy } from "langchain-redis-sessions/testing";
import { freshId, texts, turn } from "../support/turns.js";

const { single } = inject("servers");
const WRITES = ["LPUSH", "EXPIRE", "EVALSHA", "EVAL"];

const closing: (() => unknown)[] = [];
let proxy: FaultyProxy;
let client: Redis;
let direct: Redis;
beforeEach(async () => {
  proxy = await faultyProxy(single);
  client = new Redis({ port: proxy.port, retryStrategy: () => 1 });
  client.on("error", () => {});
  direct = new Redis(single);
  closing.push(
    () => proxy.close(),
    () => client.disconnect(),
    () => direct.quit(),
  );
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

interface Candidate {
  readonly open: (sessionId: string, expires?: "expires") => BaseListChatMessageHistory;
  readonly key: (sessionId: string) => string;
}

const community: Candidate = {
  open: (sessionId, expires) =>
    new CommunityHistory({ client, sessionId, ...(expires === undefined ? {} : { sessionTTL: 60 }) }),
  key: (sessionId) => sessionId,
};
const redisPackage: Candidate = {
  open: (sessionId, expires) => {
    const ttl = expires === undefined ? {} : { sessionTTL: 60 };
    const history = new RedisPackageHistory({ sessionId, config: { url: proxy.url }, ...ttl });
    history.client.on("error", () => {});
    closing.push(() => history.client.isOpen && history.client.disconnect());
    return history;
  },
  key: (sessionId) => sessionId,
};
const here: Candidate = {
  open: (sessionId, expires) =>
    new RedisChatMessageHistory({ client, sessionId, ttl: expires === undefined ? "never" : 60 }),
  key: (sessionId) => `chat:history:{${sessionId}}:messages`,
};
const peers = [
  { name: "@langchain/community", candidate: community },
  { name: "@langchain/redis", candidate: redisPackage },
];
const all = [...peers, { name: "here", candidate: here }];

/** How often the second turn of a history crosses the wire: the first makes connections and teaches scripts. */
async function roundTrips({ open, key }: Candidate, expires?: "expires"): Promise<number> {
  const sessionId = freshId();
  const history = open(sessionId, expires);
  await history.addMessages(turn("one"));
  const before = proxy.requests;
  await history.addMessages(turn("two"));
  const trips = proxy.requests - before;
  expect(await direct.llen(key(sessionId))).toBe(4);
  expect((await direct.ttl(key(sessionId))) > 0).toBe(expires !== undefined);
  await direct.del(key(sessionId));
  return trips;
}

test("round trips to append a turn of two: 4 with a time to live and 2 without; here 1", async () => {
  for (const { name, candidate } of peers) {
    expect(await roundTrips(candidate, "expires"), name).toBe(4);
    expect(await roundTrips(candidate), name).toBe(2);
  }
  expect(await roundTrips(here, "expires")).toBe(1);
  expect(await roundTrips(here)).toBe(1);
});

describe("when the reply to a write is lost", () => {
  /** What 20 messages have become, and how many of the writes were reported as failed. */
  async function losingReplies({ open, key }: Candidate): Promise<{ stored: number; told: number }> {
    const sessionId = freshId();
    const history = open(sessionId);
    await history.addMessages([new HumanMessage("first")]);
    let told = 0;
    const back = (): Promise<boolean> =>
      history.getMessages().then(
        () => true,
        () => false,
      );
    for (let number = 0; number < 20; number += 1) {
      await expect.poll(back).toBe(true);
      proxy.dropReplies({ command: WRITES });
      await history.addMessages([new HumanMessage(String(number))]).catch(() => (told += 1));
    }
    expect(proxy.faults).toBe(20);
    const stored = (await direct.llen(key(sessionId))) - 1;
    await direct.del(key(sessionId));
    return { stored, told };
  }

  test("ioredis resends: @langchain/community stores every message twice, and nobody is told", async () => {
    expect(await losingReplies(community)).toEqual({ stored: 40, told: 0 });
  });

  test("@langchain/redis does not resend: every write fails, though each was stored", async () => {
    expect(await losingReplies(redisPackage)).toEqual({ stored: 20, told: 20 });
  });

  test("here each is stored once", async () => {
    expect(await losingReplies(here)).toEqual({ stored: 20, told: 0 });
  });
});

test("fields set after construction: lost, here kept", async () => {
  const usage = { input_tokens: 1, output_tokens: 2, total_tokens: 3 };
  const read = async ({ open }: Candidate): Promise<Pick<AIMessage, "id" | "usage_metadata">> => {
    const message = Object.assign(new AIMessage("hi"), { id: "run-1", usage_metadata: usage });
    const history = open(freshId());
    await history.addMessages([message]);
    const [stored] = await history.getMessages();
    await history.clear();
    return stored as AIMessage;
  };
  for (const { name, candidate } of peers) {
    const { id, usage_metadata } = await read(candidate);
    expect({ id, usage_metadata }, name).toEqual({ id: undefined, usage_metadata: undefined });
  }
  expect(await read(here)).toMatchObject({ id: "run-1", usage_metadata: usage });
});

test("one corrupt entry: every read throws, here it is named, or skipped on request", async () => {
  for (const { name, candidate } of all) {
    const sessionId = freshId();
    const history = candidate.open(sessionId);
    await history.addMessages([...turn("one"), ...turn("two")]);
    await direct.lset(candidate.key(sessionId), 1, "{broken");
    for (const _attempt of ["first", "second"]) {
      const error = await history.getMessages().catch((reason: unknown) => reason);
      if (candidate === here) expect(error).toMatchObject({ name: CorruptMessageError.name, index: 1 });
      else expect(error, name).toBeInstanceOf(SyntaxError);
    }
    await direct.del(candidate.key(sessionId), sessionId);
  }
  const sessionId = freshId();
  const history = new RedisChatMessageHistory({ client, sessionId, onCorrupt: "skip" });
  await history.addMessages(turn("one"));
  await direct.lset(here.key(sessionId), 0, "{broken");
  expect(texts(await history.getMessages())).toEqual(["re: one"]);
});

test("order in the list: newest first, here oldest first", async () => {
  const firstOf = async ({ open, key }: Candidate): Promise<string | null> => {
    const sessionId = freshId();
    const history = open(sessionId);
    await history.addMessages(turn("question"));
    expect(texts(await history.getMessages())).toEqual(["question", "re: question"]);
    const entry = await direct.lindex(key(sessionId), 0);
    await direct.del(key(sessionId));
    return entry;
  };
  for (const { name, candidate } of peers) expect(await firstOf(candidate), name).toContain("re: question");
  expect(await firstOf(here)).toContain('"question"');
});
