// Items with `encryption`: what is in Redis says nothing of their values, and what was moved or altered is refused.
import { Redis } from "ioredis";
import { CorruptMessageError, EncryptionKeyError, keyring, SessionStore } from "langchain-redis-sessions";
import { RedisStore, type RedisStoreOptions } from "langchain-redis-sessions/langgraph";
import { randomBytes } from "node:crypto";
import { afterAll, beforeEach, describe, expect, inject, test } from "vitest";
import { SpiedServer } from "../encryption/support/spied-server.js";
import { freshId } from "../support/turns.js";
import { keysUnder } from "./support/keys.js";
import { sealing } from "./support/sealed.js";

const client = new Redis(inject("servers").single);
afterAll(() => client.disconnect());

let keyPrefix: string;
beforeEach(() => {
  keyPrefix = freshId();
});
const open = (options: Partial<RedisStoreOptions> = sealing()): RedisStore =>
  new RedisStore({ client, keyPrefix, ...options });
const at = ["memories", "ada"];
const items = (): string => `${keyPrefix}:items:{memories,ada}:items`;
const value = async (store: RedisStore, key: string, namespace = at): Promise<unknown> =>
  (await store.get(namespace, key))?.value;

describe("of a value", () => {
  const secret = "wormwood-and-honey";

  async function shown(words: readonly string[], options: () => Partial<RedisStoreOptions>): Promise<string[]> {
    const server = await SpiedServer.start();
    try {
      const store = new RedisStore({ client: server.client, keyPrefix, ...options() });
      await store.put(at, "k", { note: secret });
      await store.search(at, { filter: { note: secret } });
      await store.get(at, "k");
      return await server.showing(words);
    } finally {
      await server.stop();
    }
  }

  test("nothing can be seen; its namespace and key can", async () => {
    expect(await shown([secret], sealing)).toEqual([]);
    expect(await shown(["memories", "ada"], sealing)).toContain("AOF: ada");
  });

  test("all can be seen without `encryption`", async () => {
    expect(await shown([secret], () => ({}))).not.toEqual([]);
  });
});

describe("what was moved is refused:", () => {
  test("an item under the name of another, of its namespace or another", async () => {
    await open().put(at, "one", { is: "one" });
    await open().put([...at, "x"], "two", { is: "two" });
    expect([await value(open(), "one"), await value(open(), "two", [...at, "x"])]).toEqual([
      { is: "one" },
      { is: "two" },
    ]);
    const [one = "", two = ""] = await client.hkeys(items());
    const stored = await client.hgetallBuffer(items());
    await client.hset(items(), one, stored[two] ?? "", two, stored[one] ?? "");
    await expect(value(open(), "one")).rejects.toThrow(/it was altered, or belongs elsewhere/);
    await expect(open().search(at)).rejects.toBeInstanceOf(CorruptMessageError);
  });

  test("an item of another user, in a store that is bound to sessions", async () => {
    const sessions = new SessionStore({ client, keyPrefix, ...sealing() });
    const stores = await Promise.all(
      ["ada", "eve"].map(async (userId) => {
        const { session } = await sessions.create({ userId, agentId: "a" });
        const store = new RedisStore({ sessions, session });
        await store.put(at, "k", { of: userId });
        return store;
      }),
    );
    const [one = "", other = ""] = (await keysUnder(client, keyPrefix)).filter((key) => key.endsWith(":items"));
    await client.copy(one, other, "REPLACE");
    const found = await Promise.allSettled(stores.map((store) => value(store, "k")));
    expect(found.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    await sessions.close();
  });

  test("a byte that is flipped", async () => {
    await open().put(at, "k", { is: "one" });
    const [field = ""] = await client.hkeys(items());
    const stored = (await client.hgetBuffer(items(), field)) ?? expect.unreachable();
    const reader = open();
    for (let index = 48; index < stored.length; index++) {
      const copy = Buffer.from(stored);
      copy[index] = (copy[index] ?? 0) ^ 1;
      await client.hset(items(), field, copy);
      await expect(value(reader, "k")).rejects.toBeInstanceOf(CorruptMessageError);
    }
    await client.hset(items(), field, stored);
    expect(await value(reader, "k")).toEqual({ is: "one" });
  });
});

test("an item whose marker is damaged, so that it looks like text, is refused", async () => {
  for (let index = 0; index < 10; index++) {
    await open().put(at, `${index}`, { index });
    const field = (await client.hkeys(items())).find((one) => one.endsWith(`\0${index}`)) ?? "";
    const stored = (await client.hgetBuffer(items(), field)) ?? expect.unreachable();
    stored[48] = 0xfe;
    await client.hset(items(), field, stored);
    await expect(value(open(), `${index}`)).rejects.toBeInstanceOf(CorruptMessageError);
  }
});

test("plain and sealed items of one partition are read together, with `acceptPlaintext` only", async () => {
  const both = sealing({ acceptPlaintext: true });
  await open({}).put(at, "plain", { n: 1 });
  await open(both).put(at, "sealed", { n: 2 });
  expect((await open(both).search(at, { filter: { n: { $gt: 0 } } })).map(({ key }) => key)).toEqual([
    "sealed",
    "plain",
  ]);
  await expect(value(open(), "plain")).rejects.toThrow(/it is not sealed/);
  await expect(value(open({}), "sealed")).rejects.toThrow(/it is sealed: pass the `encryption` that sealed it/);
  await expect(open({}).search(at)).rejects.toBeInstanceOf(CorruptMessageError);
  const encryption = keyring({ current: "b", keys: { b: randomBytes(32) } });
  await expect(value(open({ encryption }), "sealed")).rejects.toBeInstanceOf(EncryptionKeyError);
});

test("two first writers at once: both items can be read", async () => {
  for (let round = 0; round < 10; round++) {
    const namespace = ["memories", `user ${round}`];
    await Promise.all(["a", "b"].map((key) => open().put(namespace, key, { key })));
    const reader = open();
    expect([await value(reader, "a", namespace), await value(reader, "b", namespace)]).toEqual([
      { key: "a" },
      { key: "b" },
    ]);
  }
});

test("the key lives as long as the items: after a put, and after a read that renews", async () => {
  const key = `${keyPrefix}:items:{memories,ada}:data-key`;
  await open({ ...sealing(), ttl: "1m" }).put(at, "short", {});
  await open({ ...sealing(), ttl: "1d", refreshOnRead: true }).put(at, "day", {});
  expect(await client.pttl(key)).toBeGreaterThan(await client.pttl(items()));
  await client.pexpire(key, 100_000);
  const renewing = open({ ...sealing(), ttl: "2d", refreshOnRead: true });
  expect(await value(renewing, "day")).toEqual({});
  expect(await client.pttl(items())).toBeGreaterThan(100_000_000);
  expect(await client.pttl(key)).toBeGreaterThan(await client.pttl(items()));
  await open().put(at, "for ever", {});
  expect(await client.pttl(key)).toBe(-1);
});
