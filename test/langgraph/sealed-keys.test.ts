// The data key of a thread: who comes first, who comes late, how long it lives, and what is left when it is destroyed.
import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { CorruptCheckpointError, EncryptionKeyError, keyring } from "langchain-redis-sessions";
import { RedisSaver, type RedisSaverOptions } from "langchain-redis-sessions/langgraph";
import { afterAll, beforeEach, describe, expect, inject, test } from "vitest";
import { TableOfKeys } from "../encryption/support/rings.js";
import { freshId } from "../support/turns.js";
import { listed, put, threadConfig, valuesOf } from "./support/checkpoints.js";
import { keysUnder } from "./support/keys.js";
import type { Saver } from "./support/place.js";
import { sealing } from "./support/sealed.js";

const client = new Redis(inject("servers").single);
afterAll(() => client.disconnect());

let keyPrefix: string;
beforeEach(() => {
  keyPrefix = freshId();
});
const open = (options: Partial<RedisSaverOptions> = sealing()): Saver =>
  new RedisSaver({ client, keyPrefix, ...options });
const config = threadConfig("t");
const key = (): string => `${keyPrefix}:thread:{t}:data-key`;
const keyId = async (): Promise<string | undefined> => (await client.get(key()))?.split(" ")[0];
const long = (text: string): string => `${text} `.repeat(40);

test("two first writers at once: what each stored can be read", async () => {
  for (let round = 0; round < 20; round++) {
    const thread = threadConfig(`t${round}`);
    const configs = await Promise.all(
      ["a", "b"].map((text) => put(open(), { on: thread, values: { text: long(text) } })),
    );
    const reader = open();
    const found = await Promise.all(configs.map((one) => valuesOf(reader, one)));
    expect(found).toEqual([{ text: long("a") }, { text: long("b") }]);
  }
});

test("a thread that another deleted: a writer that knows its key seals with a new one, and sends every node", async () => {
  const saver = open();
  await put(saver, { on: config, values: { text: long("a") } });
  const before = await keyId();
  await open().deleteThread("t");
  expect(await client.get(key())).toBe(`${before} -`);
  expect(await client.pttl(key())).toBeGreaterThan(3_000_000);
  const on = await put(saver, { on: config, values: { text: long("a") } });
  expect(await valuesOf(open(), on)).toEqual({ text: long("a") });
  expect(await keyId()).not.toBe(before);
  await saver.putWrites(on, [["text", long("w")]], "task");
  expect(await open().getTuple(on)).toMatchObject({ pendingWrites: [["task", "text", long("w")]] });
});

test("a thread that others delete and write at the same time: what was stored can be read", async () => {
  const savers = Array.from({ length: 4 }, () => open());
  const ring = sealing();
  await Promise.all(
    savers.map(async (saver, index) => {
      for (let round = 0; round < 15; round++) {
        if (index === 0) await saver.deleteThread("t");
        else await put(saver, { on: config, values: { text: long(`${index}`) } });
      }
    }),
  );
  await put(open(), { on: config, values: { text: long("last") } });
  const tuples = await listed(open(ring), config);
  expect(tuples[0]?.checkpoint.channel_values).toEqual({ text: long("last") });
});

describe("the key lives as long as what is sealed with it:", () => {
  /** Returns by how much what lives longest outlives the key. */
  async function lacking(): Promise<number> {
    const keys = (await keysUnder(client, keyPrefix)).filter((one) => one !== key());
    const of = async (one: string): Promise<number> => {
      const left = await client.pttl(one);
      return left === -1 ? Number.POSITIVE_INFINITY : left;
    };
    const all = await Promise.all(keys.map(of));
    const own = await of(key());
    return own === Math.max(...all) ? 0 : Math.max(...all) - own;
  }
  const near = async (): Promise<void> => {
    for (const one of await keysUnder(client, keyPrefix)) await client.pexpire(one, 60_000);
  };

  test.each([
    ["put and putWrites", { ...sealing(), ttl: "1d" }],
    ["put and putWrites, for ever", { ...sealing(), ttl: "never" }],
    ["of a writer that only reads what is sealed", { ...sealing({ seal: false }), ttl: "2d" }],
  ] as const)("%s", async (_what, options) => {
    const on = await put(open(), { on: config, values: { text: long("a") } });
    await near();
    await put(open(options), { on, values: {}, carried: { text: long("a") } });
    expect(await lacking()).toBeLessThanOrEqual(0);
    await near();
    await open(options).putWrites(on, [["text", long("w")]], "task");
    expect(await lacking()).toBeLessThanOrEqual(0);
  });

  test.each([sealing(), sealing({ seal: false })])("reading, with `refreshOnRead`", async (options) => {
    await put(open(), { on: config, values: { text: long("a") } });
    await near();
    await open({ ...options, ttl: "1d", refreshOnRead: true }).getTuple(config);
    expect(await client.pttl(`${keyPrefix}:thread:{t}:nodes`)).toBeGreaterThan(80_000_000);
    expect(await lacking()).toBeLessThanOrEqual(0);
  });
});

describe("switching on", () => {
  const both = sealing({ acceptPlaintext: true });

  test("a thread of plain and sealed values is read as one; without `acceptPlaintext` the plain ones are refused", async () => {
    const first = await put(open({}), { on: config, values: { text: long("a"), short: 1 } });
    const second = await put(open(both), {
      on: first,
      values: { other: long("b") },
      carried: { text: long("a"), short: 1 },
    });
    await open(both).putWrites(second, [["other", long("w")]], "task");
    const third = await put(open(sealing({ seal: false })), {
      on: second,
      values: { short: 2 },
      carried: { text: long("a"), other: long("b") },
      versions: { short: 2 },
    });
    const all = { text: long("a"), other: long("b"), short: 2 };
    expect(await valuesOf(open(both), third)).toEqual(all);
    expect(await listed(open(both), config)).toHaveLength(3);
    await expect(valuesOf(open(), third)).rejects.toThrow(/it is not sealed/);
    await expect(valuesOf(open(), second)).rejects.toBeInstanceOf(CorruptCheckpointError);
  });

  test("a saver without `encryption` is told to pass it, and changes nothing", async () => {
    const on = await put(open(), { on: config, values: { text: long("a"), short: 1 } });
    const plain = open({});
    await expect(plain.getTuple(on)).rejects.toThrow(/it is sealed: pass the `encryption` that sealed it/);
    await expect(listed(plain, config)).rejects.toBeInstanceOf(CorruptCheckpointError);
    await expect(listed(plain, config, { filter: { source: "loop" } })).rejects.toBeInstanceOf(CorruptCheckpointError);
    expect(await valuesOf(open(), on)).toEqual({ text: long("a"), short: 1 });
  });

  test("a ring that lacks the key is an EncryptionKeyError, and so is one with another under its name", async () => {
    const on = await put(open(), { on: config, values: { text: long("a") } });
    const others = [
      keyring({ current: "b", keys: { b: randomBytes(32) } }),
      keyring({ current: "a", keys: { a: randomBytes(32) } }),
    ];
    for (const encryption of others) {
      await expect(open({ encryption }).getTuple(on)).rejects.toBeInstanceOf(EncryptionKeyError);
      await expect(put(open({ encryption }), { on, values: {} })).rejects.toBeInstanceOf(EncryptionKeyError);
    }
    expect(await valuesOf(open(), on)).toEqual({ text: long("a") });
  });
});

describe("a dump from before a thread was deleted, with the whole ring,", () => {
  async function restored(options: () => Partial<RedisSaverOptions>): Promise<unknown> {
    const on = await put(open(options()), { on: config, values: { text: long("a") } });
    const keys = await keysUnder(client, keyPrefix);
    const dumps = await Promise.all(keys.map((one) => client.dumpBuffer(one)));
    await open(options()).deleteThread("t");
    for (const [index, one] of keys.entries()) await client.restore(one, 0, dumps[index] ?? "", "REPLACE");
    return valuesOf(open(options()), on);
  }

  test("cannot be read when data keys are kept elsewhere", async () => {
    const dataKeys = new TableOfKeys();
    await expect(restored(() => sealing({ dataKeys }))).rejects.toThrow(/the key that sealed it is gone/);
    expect(dataKeys.table.size).toBe(0);
  });

  test("can be read when they are in the dump", async () => {
    expect(await restored(sealing)).toEqual({ text: long("a") });
  });
});
