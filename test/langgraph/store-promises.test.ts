// P2–P4 for the store: each write takes effect once, in one round trip, and settles in time; a search is whole.
import { Redis } from "ioredis";
import { afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { type RedisClient, StorageFullError } from "langchain-redis-sessions";
import { RedisStore } from "langchain-redis-sessions/langgraph";
import { startRedis } from "langchain-redis-sessions/testing";
import { amount } from "../support/amount.js";
import { closingIn } from "../support/closing.js";
import { clusterThrough } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { tooLateAfter } from "../support/too-late.js";

const TIMES = amount(4, 100);
const servers = inject("servers");
const scripts = ["EVALSHA", "EVAL"];
const { closing, keep, through } = closingIn(afterEach);

/** The servers know the scripts from then on: what gets lost is a reply, not NOSCRIPT. */
beforeAll(async () => {
  const direct = [new Redis(servers.single), clusterThrough(new Map(servers.cluster.map((node) => [node, node])))];
  for (const client of direct) {
    for (let time = 0; time < 12; time++) await useAll(new RedisStore({ client, keyPrefix: `chat:${freshId()}` }));
    client.disconnect();
  }
});

async function useAll(store: RedisStore): Promise<void> {
  await store.put(["a", "b"], "x", { n: 1 });
  await store.get(["a", "b"], "x");
  await store.search(["a"]);
  await store.listNamespaces();
  await store.delete(["a", "b"], "x");
}

describe("when the reply to a write is lost and the client sends it again", () => {
  test("a later put of the same key stands, on one Redis", async () => {
    for (let time = 0; time < TIMES; time++) {
      const proxy = await through(servers.single);
      const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: 100, retryStrategy: () => 1 }));
      const keyPrefix = `chat:${freshId()}`;
      const store = new RedisStore({ client, keyPrefix });
      const beside = new RedisStore({ client: keep(new Redis(servers.single)), keyPrefix });
      await store.put(["a", "b"], "x", { n: 0 });
      const created = (await store.get(["a", "b"], "x"))?.createdAt;
      // Nothing is sent again before another client has written.
      const closed = new Promise((resolve) => {
        client.once("close", () => resolve(proxy.refuse()));
      });
      proxy.dropReplies({ command: scripts });
      const lost = time % 2 === 0 ? store.put(["a", "b"], "x", { n: 1 }) : store.delete(["a", "b"], "x");
      await closed;
      await beside.put(["a", "b"], "x", { n: 2 });
      await proxy.heal();
      expect(await lost).toBeUndefined();
      expect(await beside.get(["a", "b"], "x")).toMatchObject({ value: { n: 2 } });
      if (time % 2 === 0) expect((await beside.get(["a", "b"], "x"))?.createdAt).toEqual(created);
      expect(proxy.faults).toBe(1);
      client.disconnect();
    }
  });

  test.each(["one Redis", "a Cluster"])("each write of a batch has happened once, on %s", async (where) => {
    const nodes = where === "one Redis" ? [servers.single] : servers.cluster;
    const proxies = await Promise.all(nodes.map(through));
    const port = proxies[0]?.port ?? 0;
    const detours = new Map(nodes.map((node, index) => [node, { host: "127.0.0.1", port: proxies[index]?.port ?? 0 }]));
    const client = keep(
      where === "one Redis"
        ? new Redis({ port, maxRetriesPerRequest: 20, retryStrategy: () => 1 })
        : clusterThrough(detours, { retryDelayOnFailover: 10, maxRedirections: 100 }),
    );
    for (let time = 0; time < TIMES; time++) {
      const store = new RedisStore({ client, keyPrefix: `chat:${freshId()}` });
      for (const proxy of proxies) proxy.dropReplies({ command: scripts });
      await store.batch([
        { namespace: ["a", "b"], key: "x", value: { n: 1 } },
        { namespace: ["a", "b"], key: "y", value: { n: 2 } },
        { namespace: ["c", "d"], key: "x", value: { n: 3 } },
      ]);
      for (const proxy of proxies) await proxy.heal();
      expect(await store.search([])).toHaveLength(3);
      expect(await store.listNamespaces()).toEqual([
        ["a", "b"],
        ["c", "d"],
      ]);
      // The counts of the namespaces are right: none is left over.
      await store.batch([
        { namespace: ["a", "b"], key: "x", value: null },
        { namespace: ["a", "b"], key: "y", value: null },
      ]);
      expect(await store.listNamespaces()).toEqual([["c", "d"]]);
    }
    expect(proxies.reduce((sum, proxy) => sum + proxy.faults, 0)).toBeGreaterThanOrEqual(TIMES);
  });
});

test("a write whose outcome is unknown says so, without an operation id that nobody could repeat", async () => {
  const proxy = await through(servers.single);
  const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: 0, retryStrategy: () => 1 }));
  const store = new RedisStore({ client, keyPrefix: `chat:${freshId()}` });
  await store.put(["a", "b"], "x", { n: 0 });
  proxy.dropReplies({ command: scripts });
  const error: unknown = await store.put(["a", "b"], "x", { n: 1 }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: true, operationId: undefined });
  expect(String(error)).toMatch(/repeat the call\.$/u);
  await expect.poll(() => client.ping().catch(() => "away")).toBe("PONG");
  expect(await store.get(["a", "b"], "x")).toMatchObject({ value: { n: 1 } });
});

test("each call is one round trip; a search with a filter takes one for each 500 items", async () => {
  const proxy = await through(servers.single);
  const client = keep(new Redis({ port: proxy.port }));
  const keyPrefix = `chat:${freshId()}`;
  const store = new RedisStore({ client, keyPrefix });
  await store.batch(Array.from({ length: 1_100 }, (_, n) => ({ namespace: ["a", "b"], key: String(n), value: { n } })));
  const text = "x".repeat(300_000);
  await store.batch(
    Array.from({ length: 8 }, (_, n) => ({ namespace: ["large", "texts"], key: String(n), value: { text } })),
  );
  const calls: [number, () => Promise<unknown>][] = [
    [1, () => store.get(["a", "b"], "1")],
    [1, () => store.put(["a", "b"], "1", {})],
    [1, () => store.delete(["a", "b"], "1")],
    [1, () => store.search(["a", "b"])],
    [1, () => store.search(["a", "b"], { limit: 400 })],
    [1, () => store.listNamespaces({ prefix: ["a", "b"] })],
    // Three pages, and what was written meanwhile.
    [4, () => store.search(["a", "b"], { filter: { n: -1 } })],
    // Pages of about a megabyte, and what was written meanwhile.
    [3, () => store.search(["large", "texts"], { limit: 100 })],
    [2, () => store.search(["a"])],
    [3, () => store.put(["new", "one"], "1", {})],
    [
      2,
      () =>
        store.batch([
          { namespace: ["a", "b"], key: "1" },
          { namespace: ["a", "b"], key: "2" },
          { namespace: ["a", "b"], key: "1", value: {} },
          { namespace: ["a", "b"], key: "2", value: null },
        ]),
    ],
  ];
  await useAll(new RedisStore({ client, keyPrefix: `chat:${freshId()}` }));
  for (const [trips, call] of calls) {
    const before = proxy.requests;
    await call();
    expect(proxy.requests - before, String(call)).toBe(trips);
  }
});

test("an item that is updated while a search goes through pages is found", async () => {
  const direct = keep(new Redis(servers.single));
  const keyPrefix = `chat:${freshId()}`;
  const beside = new RedisStore({ client: direct, keyPrefix });
  await beside.batch(
    Array.from({ length: 1_300 }, (_, n) => ({ namespace: ["a", "b"], key: String(n), value: { n } })),
  );
  let pages = 0;
  const after = async (work: Promise<unknown>): Promise<unknown> => {
    const reply = await work;
    pages += 1;
    // They leave pages that are not read yet. Of the items that were found, one fits no longer.
    if (pages === 1) {
      await beside.put(["a", "b"], "0", { n: 0, again: true });
      await beside.put(["a", "b"], "1299", { n: -1 });
    }
    return reply;
  };
  const interrupted: RedisClient = {
    status: direct.status,
    evalsha: (sha, keys, values) => after(direct.evalsha(sha, keys, values)),
    eval: (script, keys, values) => after(direct.eval(script, keys, values)),
    call: (command, ...values) => direct.call(command, ...values),
    pipeline: (commands) => direct.pipeline(commands),
    duplicate: () => expect.unreachable(),
  };
  const store = new RedisStore({ client: interrupted, keyPrefix });
  const found = await store.search(["a", "b"], { filter: { n: { $in: [0, 1, 1_299] } } });
  expect(found.map(({ key, value }) => [key, value])).toEqual([
    ["0", { n: 0, again: true }],
    ["1", { n: 1 }],
  ]);
});

test("the writes of a batch in one partition take effect together or not at all", async () => {
  const client = keep(new Redis(servers.single));
  const keyPrefix = `chat:${freshId()}`;
  const store = new RedisStore({ client, keyPrefix });
  const seen = new Set<string>();
  const both = [0, 1].map((n) =>
    store.batch([
      { namespace: ["a", "b"], key: "x", value: { n } },
      { namespace: ["a", "b"], key: "y", value: { n } },
    ]),
  );
  const reads = Array.from({ length: 20 }, async () => {
    const found = await store.batch([
      { namespace: ["a", "b"], key: "x" },
      { namespace: ["a", "b"], key: "y" },
    ]);
    seen.add(JSON.stringify(found.map((item) => item?.value["n"] as unknown)));
  });
  await Promise.all([...both, ...reads]);
  for (const pair of seen) expect(["[null,null]", "[0,0]", "[1,1]"]).toContain(pair);
});

test("when Redis swallows everything, every call fails in time, and says whether it may have happened", async () => {
  const proxy = await through(servers.single);
  const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: null }));
  const store = new RedisStore({ client, keyPrefix: `chat:${freshId()}`, deadline: 0.3 });
  await client.ping();
  proxy.blackhole();
  const late = tooLateAfter(600);
  const fails = (call: Promise<unknown>, indeterminate: boolean): Promise<void> =>
    expect(call).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate });
  const settled = Promise.all([
    fails(store.get(["a"], "k"), false),
    fails(store.search(["a"]), false),
    fails(store.search(["a", "b"], { filter: { n: 1 } }), false),
    fails(store.listNamespaces(), false),
    fails(store.put(["a"], "k", {}), true),
    fails(store.delete(["a"], "k"), true),
  ]);
  expect(await Promise.race([settled, late])).not.toBe("too late");
});

test("without memory a put is refused and changes nothing, and items can be read, listed and removed", async () => {
  const redis = await startRedis();
  closing.push(() => redis.stop());
  const client = keep(new Redis({ host: redis.host, port: redis.port }));
  const store = new RedisStore({ client });
  await store.put(["a", "b"], "x", { n: 1 });
  await client.config("SET", "maxmemory", "1");
  await expect(store.put(["a", "b"], "x", { n: 2 })).rejects.toThrow(StorageFullError);
  await expect(store.put(["c", "d"], "x", { n: 2 })).rejects.toThrow(StorageFullError);
  expect(await store.get(["a", "b"], "x")).toMatchObject({ value: { n: 1 } });
  expect(await store.listNamespaces()).toEqual([["a", "b"]]);
  await store.delete(["a", "b"], "x");
  expect(await store.search([])).toEqual([]);
});
