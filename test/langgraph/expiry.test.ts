// A thread expires as a whole: all its keys have one deadline, whatever was called last.
import { Redis } from "ioredis";
import { afterAll, beforeEach, describe, expect, inject, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { RedisSaver, SessionSaver } from "langchain-redis-sessions/langgraph";
import { freshId } from "../support/turns.js";
import { chain, listed, put, threadConfig } from "./support/checkpoints.js";
import { BoundSaver } from "./support/bound-saver.js";
import { keysUnder } from "./support/keys.js";
import type { Saver } from "./support/place.js";

const client = new Redis(inject("servers").single);
afterAll(() => client.disconnect());

let keyPrefix: string;
beforeEach(() => {
  keyPrefix = freshId();
});

const day = 86_400_000;
const config = threadConfig("thread");

/** Everything a saver can be asked, in the order in which a thread goes through it. */
const calls: readonly (readonly [name: string, call: (saver: Saver) => Promise<unknown>])[] = [
  [
    "put",
    (saver) => put(saver, { on: config, values: { text: "a value that is too long to be kept inline".repeat(4) } }),
  ],
  ["a put on it", (saver) => chain(saver, "thread", 3, (step) => ({ text: `${step} `.repeat(100) }))],
  [
    "put in a namespace",
    (saver) => put(saver, { on: threadConfig("thread", "child"), values: { text: "b".repeat(99) } }),
  ],
  ["putWrites", async (saver) => saver.putWrites((await latest(saver)) ?? config, [["text", "c".repeat(99)]], "task")],
  ["putWrites that come early", (saver) => saver.putWrites(early, [["text", "d".repeat(99)]], "task")],
  ["getTuple", (saver) => saver.getTuple(config)],
  ["list", (saver) => listed(saver, config)],
  ["prune", async (saver) => saver.prune?.("thread", { keep: 1 })],
  ["put after a prune", async (saver) => put(saver, { on: (await latest(saver)) ?? config, values: { text: "e" } })],
];
const early = { configurable: { ...config.configurable, checkpoint_id: "not-there-yet" } };
const latest = async (saver: Saver) => (await saver.getTuple(config))?.config;

async function deadlines(): Promise<{ key: string; at: number }[]> {
  const keys = await keysUnder(client, keyPrefix);
  return Promise.all(keys.map(async (key) => ({ key, at: await client.pexpiretime(key) })));
}

/** Returns what differs: nothing, when all keys of a thread go at one time. */
function apart(found: readonly { key: string; at: number }[]): string[] {
  const at = Math.max(...found.map((one) => one.at));
  return found.filter((one) => one.at !== at || at < 0).map(({ key }) => key);
}

describe.each([false, true])("with `refreshOnRead: %s`", (refreshOnRead) => {
  test("after each call all keys of a thread have one deadline, and a write puts it off", async () => {
    const saver = new RedisSaver({ client, keyPrefix, ttl: "1d", refreshOnRead });
    for (const [name, call] of calls) {
      // Known to be renewed, without waiting: the deadline is made to be near.
      const near = Date.now() + day / 2;
      for (const key of await keysUnder(client, keyPrefix)) await client.pexpireat(key, near);
      const reads = name === "getTuple" || name === "list";
      await call(saver);
      const found = await deadlines();
      expect(found.length, name).toBeGreaterThanOrEqual(2);
      expect(apart(found), name).toEqual([]);
      const left = (found[0]?.at ?? 0) - Date.now();
      if (reads && !refreshOnRead) expect(left, name).toBeLessThanOrEqual(day / 2);
      else if (name !== "prune") expect(left, name).toBeGreaterThan(day / 2);
    }
  });
});

test("the check fails when one key of a thread keeps another deadline", async () => {
  const saver = new RedisSaver({ client, keyPrefix, ttl: "1d" });
  await chain(saver, "thread", 2, (step) => ({ text: `${step} `.repeat(100) }));
  const [key = ""] = await keysUnder(client, keyPrefix);
  await client.pexpire(key, day / 2);
  expect(apart(await deadlines())).not.toEqual([]);
});

test("with `ttl: never` no key of a thread expires", async () => {
  const saver = new RedisSaver({ client, keyPrefix, ttl: "never" });
  for (const [, call] of calls) await call(saver);
  expect((await deadlines()).map(({ at }) => at)).toEqual((await deadlines()).map(() => -1));
});

test("deleteThread leaves no more than a mark, which goes within a day and says nothing of the thread", async () => {
  const saver = new RedisSaver({ client, keyPrefix });
  for (const [, call] of calls) await call(saver);
  await saver.deleteThread("thread");
  const [mark, ...others] = await deadlines();
  expect(others).toEqual([]);
  expect((mark?.at ?? 0) - Date.now()).toBeGreaterThan(0);
  expect((mark?.at ?? Infinity) - Date.now()).toBeLessThanOrEqual(day);
  expect(await client.strlen(mark?.key ?? "")).toBeLessThan(32);
});

test("a thread and the conversation of its session have one deadline after each write", async () => {
  const sessions = new SessionStore({ client, keyPrefix, conversationTtl: "40d" });
  const saver = new BoundSaver(sessions, new SessionSaver({ sessions }), new Map());
  for (const [name, call] of calls) {
    if (name === "a put on it") continue;
    await call(saver);
    const found = (await deadlines()).filter(({ key }) => /:(thread|conversation):/u.test(key));
    // The end of a thread is that of its conversation, and that of a conversation may be later.
    const threads = found.filter(({ key }) => key.includes(":thread:"));
    expect(apart(threads), name).toEqual([]);
    expect(threads.length, name).toBeGreaterThanOrEqual(2);
  }
  await sessions.close();
});
