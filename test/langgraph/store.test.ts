// RedisStore: what it does beyond InMemoryStore, and what it refuses.
import { InvalidNamespaceError, type Item } from "@langchain/langgraph-checkpoint";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import {
  CorruptMessageError,
  InvalidOptionError,
  isLangChainRedisError,
  SearchTooLargeError,
  SessionStore,
} from "langchain-redis-sessions";
import { RedisStore } from "langchain-redis-sessions/langgraph";
import { itemKeys, partitionName, partitionsKeys } from "../../src/redis/keys.js";
import { lifetimes, removeKeys } from "../sessions/support/stored-keys.js";
import { type Client, onOneRedis, allTopologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";

const keysOf = (items: readonly Item[]): string[] => items.map(({ key }) => key);

describe.each(allTopologies)("a store on $name", ({ connect }) => {
  let client: Client;
  let keyPrefix: string;
  let store: RedisStore;
  beforeAll(() => {
    client = connect();
  });
  beforeEach(() => {
    keyPrefix = `chat:${freshId()}`;
    store = new RedisStore({ client, keyPrefix });
    onTestFinished(() => removeKeys(client, `${keyPrefix}:*`));
  });
  afterAll(async () => {
    await client.quit();
  });
  const partition = (...labels: string[]) => itemKeys(keyPrefix, partitionName(labels));

  test("an item comes back as it was, with the times of its first and its last put", async () => {
    const value = { text: "Tea", tags: ["a", { b: null }], n: -0, "": "😀" };
    await store.put(["memories", "ada"], "likes", value);
    const first = (await store.get(["memories", "ada"], "likes")) ?? expect.unreachable();
    expect(first).toEqual({
      namespace: ["memories", "ada"],
      key: "likes",
      value,
      createdAt: expect.any(Date) as Date,
      updatedAt: expect.any(Date) as Date,
    });
    await expect.poll(() => Date.now()).toBeGreaterThan(first.updatedAt.getTime() + 2);
    await store.put(["memories", "ada"], "likes", { text: "Coffee" });
    const second = (await store.get(["memories", "ada"], "likes")) ?? expect.unreachable();
    expect(second.createdAt).toEqual(first.createdAt);
    expect(second.updatedAt.getTime()).toBeGreaterThan(first.updatedAt.getTime());
    await store.delete(["memories", "ada"], "likes");
    expect(await store.get(["memories", "ada"], "likes")).toBeNull();
    await store.delete(["memories", "ada"], "likes");
  });

  test("a batch reads what was there before it, and of several puts of a key the last one counts", async () => {
    await store.put(["a", "b"], "x", { n: 0 });
    const results = await store.batch([
      { namespace: ["a", "b"], key: "x", value: { n: 1 } },
      { namespace: ["a", "b"], key: "x" },
      { namespace: ["c"], key: "y", value: { n: 2 } },
      { namespacePrefix: ["a"] },
      { namespace: ["c"], key: "y" },
      { namespace: ["a", "b"], key: "x", value: null },
      { namespace: ["a", "b"], key: "x", value: { n: 3 } },
      { namespace: ["a", "b"], key: "z", value: { n: 4 } },
      { namespace: ["a", "b"], key: "z", value: null },
      { matchConditions: [{ matchType: "prefix", path: ["a"] }], limit: 10, offset: 0 },
    ]);
    const before = { namespace: ["a", "b"], key: "x", value: { n: 0 } };
    expect(results).toMatchObject([
      undefined,
      before,
      undefined,
      [before],
      null,
      undefined,
      undefined,
      undefined,
      undefined,
      [["a", "b"]],
    ]);
    expect(await store.batch([{ namespace: ["a", "b"], key: "x" }])).toMatchObject([{ value: { n: 3 } }]);
    expect(await store.get(["a", "b"], "z")).toBeNull();
    expect(await store.batch([])).toEqual([]);
  });

  test("what is refused in a batch keeps all of it from being done", async () => {
    const bad = store.batch([
      { namespace: ["a"], key: "x", value: { n: 1 } },
      { namespace: ["a"], key: "y", value: { n: Number.NaN } },
    ]);
    await expect(bad).rejects.toThrow(InvalidOptionError);
    expect(await store.search([])).toEqual([]);
  });

  test("a search returns the newest first, over all partitions below its labels, with limit and offset", async () => {
    for (const [index, user] of ["ada", "eve", "ada", "bob"].entries()) {
      await store.put(["memories", user], `k${index}`, { n: index });
    }
    await store.put(["memories"], "root", { n: 4 });
    await store.put(["memories2", "ada"], "other", { n: 5 });
    await store.put(["memories", "ada"], "k0", { n: 6 });
    expect(keysOf(await store.search(["memories"]))).toEqual(["k0", "root", "k3", "k2", "k1"]);
    expect(keysOf(await store.search(["memories"], { limit: 2, offset: 1 }))).toEqual(["root", "k3"]);
    expect(keysOf(await store.search(["memories", "ada"]))).toEqual(["k0", "k2"]);
    expect(keysOf(await store.search(["memories"], { filter: { n: { $gt: 1, $lte: 4 } } }))).toEqual([
      "root",
      "k3",
      "k2",
    ]);
    expect(await store.search([], { limit: 0 })).toEqual([]);
    expect(await store.search(["memory"])).toEqual([]);
  });

  test("namespaces are listed while they have items, with wildcards, depth, limit and offset", async () => {
    for (const namespace of [["a", "x", "v1"], ["a", "y", "v2"], ["b", "x", "v1"], ["a"]]) {
      await store.put(namespace, "k", {});
    }
    expect(await store.listNamespaces()).toEqual([["a"], ["a", "x", "v1"], ["a", "y", "v2"], ["b", "x", "v1"]]);
    expect(await store.listNamespaces({ prefix: ["a", "*"] })).toEqual([
      ["a", "x", "v1"],
      ["a", "y", "v2"],
    ]);
    expect(await store.listNamespaces({ suffix: ["*", "v1"] })).toEqual([
      ["a", "x", "v1"],
      ["b", "x", "v1"],
    ]);
    expect(await store.listNamespaces({ maxDepth: 1 })).toEqual([["a"], ["b"]]);
    expect(await store.listNamespaces({ limit: 1, offset: 1 })).toEqual([["a", "x", "v1"]]);
    await store.delete(["a", "x", "v1"], "k");
    expect(await store.listNamespaces({ prefix: ["a", "x"] })).toEqual([]);
  });

  test("what it cannot do as asked is refused, and says why", async () => {
    const refusals: readonly [option: string, call: () => Promise<unknown>][] = [
      ["query", () => store.search(["a"], { query: "tea" })],
      ["index", () => store.put(["a"], "k", {}, ["title"])],
      ["filter.a", () => store.search(["a"], { filter: { a: { $regex: "x" } } })],
      ["filter.a", () => store.search(["a"], { filter: { a: ["x"] } })],
      ["filter.a.$ne", () => store.search(["a"], { filter: { a: { $ne: {} } } })],
      ["filter.a.$in", () => store.search(["a"], { filter: { a: { $in: "x" } } })],
      ["limit", () => store.search(["a"], { limit: -1 })],
      ["offset", () => store.search(["a"], { offset: 0.5 })],
      ["maxDepth", () => store.listNamespaces({ maxDepth: 0 })],
      ["value", () => store.put(["a"], "k", [] as never)],
      ["value.at", () => store.put(["a"], "k", { at: new Date() })],
      ["namespace", () => store.put(["\uD800"], "k", {})],
      ["namespace", () => store.put(["x".repeat(1_025)], "k", {})],
      ["namespace", () => store.put(["x".repeat(600), "y".repeat(600)], "k", {})],
      ["namespace", () => store.put([`lrs_${"x".repeat(87)}`], "k", {})],
      ["key", () => store.put(["a"], "\uD800", {})],
      ["key", () => store.get(["a"], "x".repeat(1_025))],
    ];
    for (const [option, call] of refusals) {
      const error: unknown = await call().catch((reason: unknown) => reason);
      expect(error, String(call)).toBeInstanceOf(InvalidOptionError);
      expect(error, String(call)).toMatchObject({ option });
    }
    for (const namespace of [[], [""], ["a.b"], ["a:b"], ["a\0b"]]) {
      await expect(store.batch([{ namespace, key: "k" }])).rejects.toThrow(InvalidNamespaceError);
      await expect(store.put(namespace, "k", {})).rejects.toThrow(InvalidNamespaceError);
    }
    await expect(store.put(["langgraph"], "k", {})).rejects.toThrow(InvalidNamespaceError);
    await store.put(["a"], "k", {}, false);
    expect(await store.search([], { query: "" })).toHaveLength(1);
  });

  test("names that look like patterns, other names or properties are names of their own", async () => {
    const names: readonly [string[], string][] = [
      [["a/b"], "k"],
      [["a", "b"], "k"],
      [["a,b"], "k"],
      [["eve*"], "k"],
      [["eve", "*"], "k"],
      [["eve1"], "k"],
      [["__proto__"], "__proto__"],
      [["😀", "{x}"], ""],
      [["a", "b"], "\0"],
      [["a", "b"], "c\0\0d"],
      [["b", "x", "y"], "k"],
      [["b", "x", "y/z"], "k"],
    ];
    for (const [index, [namespace, key]] of names.entries()) await store.put(namespace, key, { index });
    for (const [index, [namespace, key]] of names.entries()) {
      expect(await store.get(namespace, key)).toMatchObject({ namespace, key, value: { index } });
    }
    expect(await store.search([], { limit: 100 })).toHaveLength(names.length);
    expect(keysOf(await store.search(["eve*"]))).toEqual(["k"]);
    expect(await store.search(["eve"])).toMatchObject([{ namespace: ["eve", "*"] }]);
    expect(await store.search(["a"])).toHaveLength(3);
    // Both are in one partition.
    expect(await store.search(["b", "x", "y"])).toMatchObject([{ namespace: ["b", "x", "y"] }]);
    expect(await store.search([], { filter: { constructor: { $ne: undefined } } })).toEqual([]);
  });

  test("a search or listing beyond maxScan is refused rather than answered by half", async () => {
    const bounded = new RedisStore({ client, keyPrefix, maxScan: 20 });
    await bounded.batch(
      Array.from({ length: 20 }, (_, n) => ({ namespace: ["a", "b", `c${n}`], key: "k", value: { n } })),
    );
    expect(await bounded.search(["a", "b"], { filter: { n: 0 } })).toHaveLength(1);
    expect(await bounded.listNamespaces()).toHaveLength(20);
    await bounded.put(["a", "b", "c20"], "k", { n: 20 });
    for (const call of [
      () => bounded.search(["a", "b"], { filter: { n: 0 } }),
      () => bounded.search([], { filter: { n: -1 } }),
      () => bounded.search(["a", "b", "c0"]),
      () => bounded.listNamespaces(),
    ]) {
      const error: unknown = await call().catch((reason: unknown) => reason);
      expect(error, String(call)).toBeInstanceOf(SearchTooLargeError);
      expect(error).toMatchObject({ code: "SEARCH_TOO_LARGE", maxScan: 20 });
      expect(isLangChainRedisError(error)).toBe(true);
    }
    // The newest are found without looking at the others.
    expect(await bounded.search(["a", "b"], { limit: 20 })).toHaveLength(20);
    expect(await store.search(["a", "b"], { filter: { n: 0 } })).toHaveLength(1);
  });

  test("a search with a filter goes through pages, and a large page ends early", async () => {
    const puts = Array.from({ length: 1_200 }, (_, n) => ({ namespace: ["a", "b"], key: `${n}`, value: { n } }));
    await store.batch(puts);
    expect(keysOf(await store.search(["a", "b"], { filter: { n: 3 } }))).toEqual(["3"]);
    expect(await store.search(["a", "b"], { limit: 2_000 })).toHaveLength(1_200);
    const text = "x".repeat(300_000);
    await store.batch(Array.from({ length: 8 }, (_, n) => ({ namespace: ["c"], key: `${n}`, value: { n, text } })));
    expect(keysOf(await store.search(["c"], { limit: 100 }))).toEqual(["7", "6", "5", "4", "3", "2", "1", "0"]);
  });

  test("items live for ttl, a read renews it where it should, and an expired one is not there in any way", async () => {
    const passing = new RedisStore({ client, keyPrefix, ttl: "1h" });
    const keys = partition("a", "b");
    const expire = async (...names: string[]): Promise<void> => {
      for (const key of names) {
        const field = `a\0b\0\0${key}`;
        const stored = (await client.hget(keys.items, field)) ?? expect.unreachable();
        await client.hset(keys.items, field, `${stored.slice(0, 34)}0000000000001${stored.slice(47)}`);
        await client.zadd(keys.deadlines, 1, field);
      }
    };
    const deadline = async (key: string): Promise<number> =>
      Number(await client.zscore(keys.deadlines, `a\0b\0\0${key}`));
    await passing.put(["a", "b"], "x", { n: 1 });
    await passing.put(["a", "b"], "y", { n: 2 });
    const all = [keys.items, keys.order, keys.namespaces, keys.deadlines];
    const left = await lifetimes(client, all);
    expect(Math.min(...left)).toBeGreaterThan(3_500_000);
    expect(Math.max(...left)).toBeLessThanOrEqual(3_600_000);

    await passing.get(["a", "b"], "x");
    const before = await deadline("x");
    const renewing = new RedisStore({ client, keyPrefix, ttl: "2h", refreshOnRead: true });
    expect(await renewing.get(["a", "b"], "x")).toMatchObject({ value: { n: 1 } });
    expect(await deadline("x")).toBeGreaterThan(before + 3_500_000);
    expect(await deadline("y")).toBeLessThanOrEqual(before + 60_000);
    await renewing.search(["a"], { filter: { n: 2 } });
    expect(await deadline("y")).toBeGreaterThan(before + 3_500_000);
    expect(Math.min(...(await lifetimes(client, all)))).toBeGreaterThan(7_000_000);

    const created = (await passing.get(["a", "b"], "x"))?.createdAt ?? expect.unreachable();
    await expire("x", "y");
    expect(await passing.get(["a", "b"], "x")).toBeNull();
    expect(await renewing.get(["a", "b"], "x")).toBeNull();
    expect(await passing.search(["a", "b"])).toEqual([]);
    expect(await passing.search([], { filter: { n: 1 } })).toEqual([]);
    await expect.poll(() => Date.now()).toBeGreaterThan(created.getTime() + 2);
    await passing.put(["a", "b"], "x", { n: 3 });
    // A new item, not a new value of the one that had expired; the other has been removed.
    expect((await passing.get(["a", "b"], "x"))?.createdAt.getTime()).toBeGreaterThan(created.getTime());
    expect(await client.hlen(keys.items)).toBe(1);
    expect(await client.hgetall(keys.namespaces)).toEqual({ "a\0b": "1" });
    await expire("x");
    expect(await passing.listNamespaces()).toEqual([]);
    expect(await client.exists(...all)).toBe(0);

    // With one item that does not expire, the keys stay.
    await passing.put(["a", "b"], "x", {});
    await store.put(["a", "b"], "y", {});
    expect(await lifetimes(client, all)).toEqual([-1, -1, -1, -1]);
    await store.delete(["a", "b"], "y");
    expect(Math.min(...(await lifetimes(client, all)))).toBeGreaterThan(3_500_000);
  });

  test("hundreds of expired items are removed in steps, and no namespace of theirs is listed", async () => {
    const passing = new RedisStore({ client, keyPrefix, ttl: 0.05 });
    await store.put(["a", "b", "stays"], "k", {});
    await passing.batch(
      Array.from({ length: 450 }, (_, n) => ({ namespace: ["a", "b", `c${n}`], key: "k", value: { n } })),
    );
    const { order } = partition("a", "b");
    await expect.poll(async () => (await store.search(["a"], { limit: 1_000 })).length).toBe(1);
    expect(await client.zcard(order)).toBeGreaterThan(300);
    expect(await store.listNamespaces({ prefix: ["a"] })).toEqual([["a", "b", "stays"]]);
    expect(await client.zcard(order)).toBe(1);
  });

  test("a partition that has been empty for a day is taken off the list, and listed again by its next item", async () => {
    const { names, since } = partitionsKeys(keyPrefix);
    await store.put(["a", "b"], "k", {});
    await store.put(["a", "c"], "k", {});
    await store.delete(["a", "b"], "k");
    await store.search(["a"]);
    expect(await client.zrange(names, "0", "-1")).toEqual(["a,b", "a,c"]);
    await client.hset(since, { "a,b": "1", "a,c": "1" });
    expect(await store.listNamespaces()).toEqual([["a", "c"]]);
    expect(await client.zrange(names, "0", "-1")).toEqual(["a,c"]);
    expect(await client.hkeys(since)).toEqual(["a,c"]);
    await store.put(["a", "b"], "k", {});
    expect(await store.listNamespaces()).toHaveLength(2);
  });

  test("what another program put into its keys is left alone, and is an error", async () => {
    const keys = partition("a", "b");
    await store.put(["a", "b"], "k", {});
    await client.hset(keys.items, "a\0b\0\0k", "not an item");
    await expect(store.get(["a", "b"], "k")).rejects.toThrow(CorruptMessageError);
    await client.del(keys.order);
    await client.set(keys.order, "mine");
    await expect(store.put(["a", "b"], "l", {})).rejects.toThrow(CorruptMessageError);
    expect(await client.get(keys.order)).toBe("mine");
    expect(await client.hlen(keys.items)).toBe(1);
  });
});

test("options are checked", async () => {
  const client = onOneRedis.connect();
  onTestFinished(() => client.disconnect());
  const sessions = new SessionStore({ client });
  const { session } = await sessions.create({ userId: freshId(), agentId: "a" });
  const wrong: readonly [option: string, options: unknown][] = [
    ["options", undefined],
    ["client", { client: {} }],
    ["partition", { client, partition: 0 }],
    ["maxScan", { client, maxScan: 0 }],
    ["ttl", { client, ttl: "soon" }],
    ["refreshOnRead", { client, refreshOnRead: true }],
    ["index", { client, index: {} }],
    ["sessions", { session: {} }],
    ["session", { sessions }],
    ["client", { sessions, session, client }],
    ["ttl", { sessions, session, ttl: -1 }],
  ];
  for (const [option, options] of wrong) {
    expect(() => new RedisStore(options as never), option).toThrow(expect.objectContaining({ option }) as Error);
  }
});
