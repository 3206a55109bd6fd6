import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  AgentMemory,
  type AgentMemoryOptions,
  CorruptMessageError,
  InvalidOptionError,
  OperationConflictError,
  ValueMismatchError,
  VersionConflictError,
} from "langchain-redis-sessions";
import { lifetimes, removeKeys, storedKeys } from "../sessions/support/stored-keys.js";
import { amount } from "../support/amount.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { all } from "./support/all.js";
import { places } from "./support/forms.js";
import { StoredMemory } from "./support/stored-memory.js";

describe.each(places)("agent memory on $name", ({ name: place, connect, encryption }) => {
  const keyPrefix = freshId();
  const many = place === onOneRedis.name ? 64 : amount(16, 64);
  let client: Client;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await removeKeys(client, `${keyPrefix}:*`);
    await client.quit();
  });
  const open = (options: Partial<AgentMemoryOptions> = {}): AgentMemory =>
    new AgentMemory({ client, keyPrefix, encryption, namespace: freshId(), ...options });

  test("gives back what was stored, through another object of the same namespace", async () => {
    const namespace = freshId();
    const value = { name: "Ada", nested: [1, [], {}, null, 'a\u0000\ud800\u{1f600}"\\', -0, 5e-324, 1e21, true] };
    await open({ namespace }).set("about", value);
    expect(await open({ namespace }).get("about")).toEqual(value);
    expect(await open().get("about")).toBeUndefined();
    expect(await open({ namespace }).has("about")).toBe(true);
    expect(await open({ namespace }).has("nothing")).toBe(false);
  });

  test("delete and clear remove, and say whether there was something", async () => {
    const memory = open();
    await memory.setMany({ a: 1, b: 2, c: 3 });
    expect(await memory.delete("a")).toBe(true);
    expect(await memory.delete("a")).toBe(false);
    expect(await memory.getMany(["a", "b", "c"])).toEqual(
      new Map([
        ["b", 2],
        ["c", 3],
      ]),
    );
    await memory.clear();
    expect(await all(memory.keys())).toEqual([]);
    expect(await memory.usage()).toEqual({ writesToday: 3, storageBytes: 0, keys: 0 });
  });

  test("a schema gets its own output; a value that does not fit is an error that names the key, not its content", async () => {
    const memory = open();
    const schema = z.object({ since: z.iso.datetime().transform((text) => new Date(text)), age: z.number() });
    await memory.set("fits", { since: "2026-11-21T00:00:00Z", age: 36 });
    await memory.set("other", { since: "a secret", age: "old" });
    const fitting = await memory.get("fits", schema);
    expect(fitting?.since.getUTCFullYear()).toBe(2026);
    expect(await memory.get("missing", schema)).toBeUndefined();
    const error = await memory.get("other", schema).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ValueMismatchError);
    expect(error).toMatchObject({ code: "VALUE_MISMATCH", key: "other", paths: ["since", "age"] });
    expect(String(error)).not.toMatch(/secret|old/);
    await expect(memory.getMany(["fits", "other"], schema)).rejects.toBeInstanceOf(ValueMismatchError);
    await expect(memory.update("other", () => 1, { schema })).rejects.toBeInstanceOf(ValueMismatchError);
    expect(await memory.get("other")).toEqual({ since: "a secret", age: "old" });
  });

  test("ifVersion stores only in the place of the version it names, also after a delete, a clear or an expiry", async () => {
    const namespace = freshId();
    const memory = open({ namespace });
    const first = await memory.set("x", 1, { ifVersion: 0 });
    await expect(memory.set("x", 2, { ifVersion: 0 })).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
      key: "x",
      version: first.version,
    });
    const second = await memory.set("x", 2, { ifVersion: first.version });
    expect(second.version).toBeGreaterThan(first.version);
    expect(await memory.entry("x")).toEqual({ key: "x", value: 2, version: second.version });
    const versions = [first.version, second.version];
    for (const forget of [() => memory.delete("x"), () => memory.clear()]) {
      await forget();
      const again = await memory.set("x", 1);
      expect(versions).not.toContain(again.version);
      for (const ifVersion of versions) {
        await expect(memory.set("x", 3, { ifVersion })).rejects.toBeInstanceOf(VersionConflictError);
      }
      versions.push(again.version);
    }
    await memory.set("x", 1, { ttl: "1h" });
    await new StoredMemory(client, keyPrefix, namespace).expire("x");
    await expect(memory.set("x", 2, { ifVersion: versions.at(-1) ?? 1 })).rejects.toMatchObject({ version: 0 });
    await memory.set("x", 2, { ifVersion: 0 });
  });

  test(`${many} update loops at once lose nothing; increments and appends neither`, async () => {
    const memory = open({ deadline: "30s" });
    const writers = Array.from({ length: many }, (_, index) => index);
    const times = amount(2, 5);
    const loops = writers.map(async () => {
      for (let time = 0; time < times; time++) {
        await memory.update("count", (count = 0) => count + 1, { schema: z.number() });
      }
    });
    await Promise.all(loops);
    expect(await memory.get("count")).toBe(many * times);
    const readThenWritten = async (): Promise<unknown> =>
      memory.set("lost", Number((await memory.get("lost")) ?? 0) + 1);
    await Promise.all(writers.map(readThenWritten));
    expect(await memory.get("lost")).toBeLessThan(many); // The control.
    await Promise.all(writers.map(() => memory.increment("sum", 2)));
    expect(await memory.get("sum")).toBe(2 * many);
    await Promise.all(writers.map((writer) => memory.append("list", writer)));
    const list = z.array(z.number()).parse(await memory.get("list"));
    expect(list.toSorted((a, b) => a - b)).toEqual(writers);
  });

  test("update takes an async function, leaves things as they are for undefined, and says the version", async () => {
    const memory = open();
    expect(await memory.update("x", () => undefined)).toEqual({ version: 0 });
    const { version } = await memory.update("x", async (current) => ({ before: current ?? null }));
    expect(await memory.update("x", () => undefined)).toEqual({ version });
    expect(await memory.get("x")).toEqual({ before: null });
    await expect(memory.update("x", () => new Date())).rejects.toMatchObject({ option: "value" });
  });

  test("increment counts in safe integers, and refuses all else", async () => {
    const memory = open();
    expect(await memory.increment("n")).toBe(1);
    expect(await memory.increment("n", -3)).toBe(-2);
    await memory.set("n", Number.MAX_SAFE_INTEGER - 1);
    expect(await memory.increment("n")).toBe(Number.MAX_SAFE_INTEGER);
    await expect(memory.increment("n")).rejects.toBeInstanceOf(ValueMismatchError);
    expect(await memory.get("n")).toBe(Number.MAX_SAFE_INTEGER);
    expect(await memory.increment("n", -Number.MAX_SAFE_INTEGER)).toBe(0);
    expect(await memory.increment("n", -Number.MAX_SAFE_INTEGER)).toBe(-Number.MAX_SAFE_INTEGER);
    for (const value of ["1", 1.5, 1e300, 2 ** 53, null, [1]]) {
      await memory.set("n", value);
      await expect(memory.increment("n")).rejects.toMatchObject({ code: "VALUE_MISMATCH", key: "n" });
    }
    await expect(memory.increment("n", 0.5)).rejects.toMatchObject({ option: "by" });
  });

  test("append keeps the newest, and every item as it was", async () => {
    const memory = open();
    const items = [[], {}, 'a,]}[{"\\', ["[", { "}": [","] }], '\\\\"', 1e21, -0, null, { a: {} }, ""];
    const model: unknown[] = [];
    for (const item of [...items, ...items, ...items]) {
      model.push(item);
      if (model.length > 7) model.shift();
      expect(await memory.append("list", item, { max: 7 })).toBe(model.length);
      expect(await memory.get("list")).toEqual(model);
    }
    await memory.set("list", items);
    expect(await memory.append("list", 1, { max: 3 })).toBe(3);
    expect(await memory.get("list")).toEqual([{ a: {} }, "", 1]);
    expect(await memory.append("list", 2, { max: 1 })).toBe(1);
    expect(await memory.get("list")).toEqual([2]);
    await memory.set("list", []);
    expect(await memory.append("list", 3)).toBe(1);
    await memory.set("list", { 0: "a" });
    await expect(memory.append("list", 1)).rejects.toMatchObject({ code: "VALUE_MISMATCH", key: "list" });
  });

  test("entries come once each, a page at a time, while others write", async () => {
    const memory = open();
    const kept = Array.from({ length: amount(500, 1_500) }, (_, index) => `kept ${index}`);
    await memory.setMany(new Map(kept.map((key) => [key, key])));
    const seen: string[] = [];
    let writes: Promise<unknown> = Promise.resolve();
    let rounds = 0;
    for await (const { key, value, version } of memory.entries()) {
      seen.push(key);
      if (key.startsWith("kept")) expect(value).toBe(key);
      expect(version).toBeGreaterThan(0);
      if (seen.length % 50 === 0) {
        rounds += 1;
        const added = Array.from({ length: 200 }, (_, index) => [`added ${rounds} ${index}`, index] as const);
        const previous = rounds - 1;
        writes = writes
          .then(() => memory.setMany(new Map(added)))
          .then(() => Promise.all(added.slice(0, 50).map((_, index) => memory.delete(`added ${previous} ${index}`))));
        if (rounds > 10) await writes;
      }
    }
    await writes;
    expect(new Set(seen).size).toBe(seen.length);
    expect(kept.filter((key) => !seen.includes(key))).toEqual([]);
    expect(await memory.has("kept 7")).toBe(true);
  });

  test("a value is gone when its time is over, and leaves the accounting exactly", async () => {
    const namespace = freshId();
    const stored = new StoredMemory(client, keyPrefix, namespace);
    const memory = open({ namespace });
    const keys = Array.from({ length: 350 }, (_, index) => `key ${index}`);
    await memory.set("stays", "ü");
    await memory.setMany(new Map(keys.map((key) => [key, "x".repeat(30)])), { ttl: "1h" });
    expect((await memory.entry("key 3"))?.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 3_500_000);
    for (const key of keys) await stored.expire(key);
    expect(await memory.get("key 3")).toBeUndefined();
    expect(await memory.has("key 3")).toBe(false);
    expect(await all(memory.keys())).toEqual(["stays"]);
    expect((await all(memory.entries())).map(({ key }) => key)).toEqual(["stays"]);
    expect(await memory.delete("key 349")).toBe(false);
    expect(await memory.usage()).toEqual({ writesToday: 351, storageBytes: 9, keys: 1 });
    expect(await stored.bytes()).toEqual({ recorded: 9, actual: 9 });
    expect(await client.exists(stored.keys.deadlines)).toBe(0);
  });

  test("set without ttl takes the deadline away, other writes leave it, and all set a new one when they are told", async () => {
    const namespace = freshId();
    const memory = open({ namespace });
    const left = async (key: string): Promise<number> =>
      Math.round((((await memory.entry(key))?.expiresAt?.getTime() ?? 0) - Date.now()) / 60_000);
    await memory.set("n", 1, { ttl: "1h" });
    await memory.increment("n");
    await memory.update("n", () => [1]);
    await memory.append("n", 2);
    expect(await left("n")).toBe(60);
    await memory.append("n", 2, { ttl: "2h" });
    expect(await left("n")).toBe(120);
    await memory.update("n", () => 1, { ttl: "3h" });
    expect(await left("n")).toBe(180);
    await memory.increment("n", 1, { ttl: "4h" });
    expect(await left("n")).toBe(240);
    await memory.set("n", 1);
    expect(await memory.entry("n")).not.toHaveProperty("expiresAt");
  });

  test("nothing lasts longer than it was told: keys expire with the last value that does", async () => {
    const namespace = freshId();
    const { keys } = new StoredMemory(client, keyPrefix, namespace);
    const own = [keys.values, keys.usage];
    const memory = open({ namespace });
    await memory.setMany({ a: 1, b: 2 }, { ttl: "1h" });
    for (const lifetime of await lifetimes(client, [...own, keys.deadlines]))
      expect(lifetime).toBeGreaterThan(3_590_000);
    await memory.set("c", 1);
    expect(await lifetimes(client, [...own, keys.deadlines])).toEqual([-1, -1, -1]);
    await memory.delete("c");
    for (const lifetime of await lifetimes(client, own)) expect(lifetime).toBeGreaterThan(3_500_000);
    await open({ namespace, ttl: "10m" }).set("d", 1);
    for (const lifetime of await lifetimes(client, [...own, keys.deadlines])) {
      expect(lifetime).toBeGreaterThan(590_000);
      expect(lifetime).toBeLessThanOrEqual(600_000);
    }
    expect(await client.pttl(keys.writes)).toBeGreaterThan(0);
    await memory.clear();
    expect(await client.exists(...own, keys.deadlines)).toBe(0);
  });

  test.each([
    "a}:values",
    "{x}",
    "*",
    "a\u0000b",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    " ",
    "ключ",
    "\u{1f600}",
    "x".repeat(1024),
  ])("a namespace and a key are names and nothing else: %#", async (name) => {
    const prefix = freshId();
    const memory = open({ keyPrefix: prefix, namespace: name });
    const other = open({ keyPrefix: prefix, namespace: "other" });
    await other.set("key", "other");
    await memory.set(name, { [name]: name });
    await memory.setMany(new Map([[`${name.slice(0, 1_000)}2`, 1]]));
    const value = z.custom<Record<string, unknown>>().parse(await memory.get(name));
    expect(Object.keys(value)).toEqual([name]);
    expect(Object.getOwnPropertyDescriptor(value, name)?.value).toBe(name);
    expect((await memory.getMany([name])).size).toBe(1);
    expect((await all(memory.keys())).toSorted()).toEqual([name, `${name.slice(0, 1_000)}2`].toSorted());
    await memory.clear();
    expect(await other.get("key")).toBe("other");
    expect(Object.prototype).not.toHaveProperty("polluted");
    for (const key of await storedKeys(client, `${prefix}:*`)) expect(key).toMatch(/^[^{}]+\{[\w%.~-]+\}:[\w:%.-]+$/);
    await removeKeys(client, `${prefix}:*`);
  });

  test("a property that is named __proto__ is data", async () => {
    const memory = open();
    const value: unknown = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    await memory.set("__proto__", value);
    const back = await memory.get("__proto__");
    expect(JSON.stringify(back)).toBe(JSON.stringify(value));
    expect(back).not.toHaveProperty("polluted");
    expect({}).not.toHaveProperty("polluted");
    await memory.setMany(JSON.parse('{"__proto__":1}') as Record<string, unknown>);
    expect(await memory.get("__proto__")).toBe(1);
  });

  test("the same operation id does a thing once, and another thing never", async () => {
    const memory = open();
    const operationId = freshId();
    const { version } = await memory.set("x", 1, { operationId });
    await memory.set("x", 2);
    expect(await memory.set("x", 1, { operationId })).toEqual({ version });
    expect(await memory.get("x")).toBe(2);
    for (const write of [
      () => memory.set("x", 3, { operationId }),
      () => memory.set("y", 1, { operationId }),
      () => memory.set("x", 1, { operationId, ttl: "1h" }),
      () => memory.set("x", 1, { operationId, ifVersion: 0 }),
      () => memory.delete("x", { operationId }),
      () => memory.clear({ operationId }),
      () => memory.increment("x", 1, { operationId }),
      () => memory.append("x", 1, { operationId }),
      () => memory.update("x", () => 1, { operationId }),
    ]) {
      await expect(write()).rejects.toBeInstanceOf(OperationConflictError);
    }
    expect(await memory.get("x")).toBe(2);
    expect(await memory.usage()).toMatchObject({ writesToday: 2 });
  });

  test("a key of another type is left alone, and nothing is half done", async () => {
    for (const part of ["values", "deadlines", "usage", "writes"] as const) {
      const namespace = freshId();
      const { keys } = new StoredMemory(client, keyPrefix, namespace);
      await client.set(keys[part], "foreign");
      const memory = open({ namespace });
      await expect(memory.set("x", 1, { ttl: "1h" })).rejects.toBeInstanceOf(CorruptMessageError);
      expect(await client.exists(...Object.values(keys).filter((key) => typeof key === "string"))).toBe(1);
      expect(await client.get(keys[part])).toBe("foreign");
    }
  });

  test("what another program wrote into a value is an error that does not show it", async () => {
    const namespace = freshId();
    const { keys } = new StoredMemory(client, keyPrefix, namespace);
    const memory = open({ namespace });
    await client.hset(keys.values, "x", "a secret");
    for (const call of [() => memory.get("x"), () => memory.increment("x"), () => memory.append("x", 1)]) {
      const error: unknown = await call().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(CorruptMessageError);
      expect(String(error)).not.toContain("secret");
    }
    await memory.set("x", 1);
    expect(await memory.get("x")).toBe(1);
  });

  test.each([{ keyPrefix: "app{x}:" }, { enableAutoPipelining: true }])(
    "works on a client with %o",
    async (options) => {
      const other = connect(options);
      const namespaces = Array.from({ length: 20 }, freshId);
      const memories = namespaces.map((namespace) => open({ client: other, namespace }));
      await Promise.all(memories.map((memory, index) => memory.set("n", index)));
      await Promise.all(memories.map((memory) => memory.increment("n")));
      expect(await Promise.all(memories.map((memory) => memory.get("n")))).toEqual(
        namespaces.map((_, index) => index + 1),
      );
      expect(await all(memories[3]?.keys() ?? expect.unreachable())).toEqual(["n"]);
      await Promise.all(memories.map((memory) => memory.clear()));
      await other.quit();
    },
  );
});

test("a key that a scan comes by again, as when most others go meanwhile, is shown once", async () => {
  const client = topologies[0]?.connect() ?? expect.unreachable();
  for (let round = 0; round < 30; round++) {
    // Other names in each round lie elsewhere in the table.
    const kept = Array.from({ length: 60 }, (_, index) => `kept ${round} ${index}`);
    const others = Array.from({ length: 900 }, (_, index) => `other ${round} ${index}`);
    const keyPrefix = freshId();
    const memory = new AgentMemory({ client, keyPrefix, namespace: freshId() });
    await memory.setMany(new Map([...kept, ...others].map((key) => [key, 1])));
    const seen: string[] = [];
    for await (const key of memory.keys()) {
      seen.push(key);
      // Redis makes the table of the hash smaller, and the scan goes over a part of it again: over a key, more often than
      // not in so many rounds.
      if (seen.length === 400) await Promise.all(others.map((other) => memory.delete(other)));
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(kept.filter((key) => !seen.includes(key))).toEqual([]);
    // Some 900 operations a round, which would make each scan of other tests slower.
    await removeKeys(client, `${keyPrefix}:*`);
  }
  await client.quit();
});

test("bad names, options and values are refused before anything is sent", async () => {
  const client = topologies[0]?.connect() ?? expect.unreachable();
  const memory = new AgentMemory({ client, namespace: "n" });
  for (const namespace of ["", "\ud800", "x".repeat(1025), 7, undefined]) {
    expect(() => new AgentMemory({ client, namespace: namespace as string })).toThrow(InvalidOptionError);
  }
  for (const options of [
    { ttl: 0 },
    { limits: { keys: 0 } },
    { limits: { reads: 1 } },
    { sessionTTL: 1 },
    { window: 1 },
  ]) {
    expect(() => new AgentMemory({ client, namespace: "n", ...(options as object) })).toThrow(InvalidOptionError);
  }
  expect(() => new AgentMemory(undefined as unknown as AgentMemoryOptions)).toThrow(InvalidOptionError);
  for (const key of ["", "\ud800", "x".repeat(1025), undefined as unknown as string]) {
    for (const call of [
      memory.get(key),
      memory.set(key, 1),
      memory.delete(key),
      memory.has(key),
      memory.append(key, 1),
    ]) {
      await expect(call).rejects.toMatchObject({ code: "INVALID_OPTION" });
    }
  }
  await expect(memory.set("k", 1, { ifVersion: -1 })).rejects.toMatchObject({ option: "ifVersion" });
  await expect(memory.append("k", 1, { ifVersion: 1 } as object)).rejects.toMatchObject({ option: "ifVersion" });
  await expect(memory.append("k", 1, { max: 0 })).rejects.toMatchObject({ option: "max" });
  const many = Array.from({ length: 10_001 }, (_, index) => String(index));
  await expect(memory.getMany(many)).rejects.toMatchObject({ option: "keys" });
  await expect(memory.setMany(new Map(many.map((key) => [key, 1])))).rejects.toMatchObject({ option: "entries" });
  await expect(memory.setMany({ a: 1, b: { c: undefined } })).rejects.toMatchObject({ option: "b.c" });
  await expect(memory.setMany([] as unknown as Map<string, unknown>)).rejects.toMatchObject({ option: "entries" });
  await client.quit();
});
