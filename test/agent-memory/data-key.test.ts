// The key of a namespace is there for as long as anything that is sealed with it, and no longer.
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { AgentMemory, type AgentMemoryOptions } from "langchain-redis-sessions";
import { startRedis } from "langchain-redis-sessions/testing";
import { memoryKeys } from "../../src/redis/keys.js";
import { closingIn } from "../support/closing.js";
import { freshId } from "../support/turns.js";
import { freshRing, ringsOfSwitching } from "./support/forms.js";

const { keep } = closingIn(afterEach);
const { single } = inject("servers");

let client: Redis;
let namespace: string;
beforeEach(() => {
  client = keep(new Redis(single));
  namespace = freshId();
});
/** A memory as another process has it, which knows no key yet. */
const open = (options: Partial<AgentMemoryOptions>): AgentMemory =>
  new AgentMemory({ client: keep(new Redis(single)), namespace, ...options });
const keys = (): ReturnType<typeof memoryKeys> => memoryKeys("chat", namespace);

test("processes that write first at the same time seal with one key", async () => {
  const encryption = freshRing();
  for (let round = 0; round < 10; round++) {
    namespace = freshId();
    const writers = Array.from({ length: 8 }, () => open({ encryption }));
    await Promise.all(writers.flatMap((memory, writer) => [memory.set(`x ${writer}`, writer), memory.increment("n")]));
    const reader = open({ encryption });
    for (const writer of writers.keys()) expect(await reader.get(`x ${writer}`)).toBe(writer);
    expect(await reader.get("n")).toBe(8);
  }
});

test.each(["deleted", "marked as destroyed"])(
  "a process that holds a key which was %s meanwhile writes nothing that cannot be read",
  async (how) => {
    const encryption = freshRing();
    const memory = open({ encryption });
    await memory.setMany({ n: 1, list: [1] });
    const [id = ""] = ((await client.get(keys().dataKey)) ?? "").split(" ");
    await client.del(keys().values, keys().usage, keys().dataKey);
    if (how !== "deleted") await client.set(keys().dataKey, `${id} -`);
    await memory.set("x", "new");
    await memory.increment("n");
    await memory.append("list", 2);
    expect((await client.get(keys().dataKey))?.startsWith(id)).toBe(false);
    const reader = open({ encryption });
    expect(await reader.getMany(["x", "n", "list"])).toEqual(
      new Map<string, unknown>([
        ["x", "new"],
        ["n", 1],
        ["list", [2]],
      ]),
    );
  },
);

test("a process that holds a key which another process replaced repeats an operation of that one, and is no conflict", async () => {
  const encryption = freshRing();
  const [memory, other] = [open({ encryption }), open({ encryption })];
  await memory.set("x", 1);
  await client.del(keys().dataKey);
  const operationId = freshId();
  const { version } = await other.set("x", 2, { operationId });
  expect(await memory.set("x", 2, { operationId })).toEqual({ version });
  await expect(memory.set("x", 3, { operationId })).rejects.toMatchObject({ code: "OPERATION_CONFLICT" });
});

test("a write that stops half-way leaves no value without its key", async () => {
  await using redis = await startRedis();
  const [admin, encryption] = [keep(new Redis(redis.url)), freshRing()];
  await admin.acl("SETUSER", "limited", "reset", "on", ">pw", "~*", "+@all", "-zrem");
  const limited = keep(new Redis({ host: redis.host, port: redis.port, username: "limited", password: "pw" }));
  await expect(open({ client: limited, encryption }).set("x", "half")).rejects.toMatchObject({ indeterminate: true });
  expect(await open({ client: admin, encryption }).get("x")).toBe("half");
});

const lifetimes = async (): Promise<{ key: number; values: number }> => ({
  key: await client.pexpiretime(keys().dataKey),
  values: await client.pexpiretime(keys().values),
});
/** Longer than an operation is remembered, by which a repetition is told apart. */
const SLACK = 120_000;

test("the key of a namespace with a ttl outlives it, after any renewal", async () => {
  const { sealing, plain } = ringsOfSwitching();
  const sealed = open({ encryption: sealing, ttl: "1h" });
  const readable = open({ encryption: plain, ttl: "1h" });
  await sealed.setMany({ x: 1, list: [1], n: 1 });
  await readable.setMany({ plain: 1, "plain list": [], "to delete": 1 });
  for (const renew of [
    () => sealed.set("y", 1),
    () => sealed.append("list", 2),
    () => sealed.delete("y"),
    () => readable.set("z", 1),
    () => readable.increment("plain"),
    () => readable.append("plain list", 1),
    () => readable.delete("to delete"),
  ]) {
    await client.pexpire(keys().values, 1_000);
    await client.pexpire(keys().dataKey, 1_000);
    await renew();
    const { key, values } = await lifetimes();
    expect(values, String(renew)).toBeGreaterThan(Date.now() + 3_500_000);
    expect(key, String(renew)).toBeGreaterThanOrEqual(values + SLACK);
    expect(key, String(renew)).toBeLessThan(values + 4 * SLACK);
  }
});

test("what is left of a destroyed key lives no longer by a write that seals nothing", async () => {
  await client.set(keys().dataKey, "AAAAAAAA -", "PX", 60_000);
  await open({ encryption: ringsOfSwitching().plain }).set("x", 1);
  expect(await client.pttl(keys().dataKey)).toBeGreaterThan(0);
  expect(await client.pttl(keys().dataKey)).toBeLessThanOrEqual(60_000);
});

test("the key lives as long as the longest value, for ever when one does, and no longer", async () => {
  const memory = open({ encryption: freshRing() });
  await memory.set("short", [], { ttl: "1m" });
  const first = await lifetimes();
  expect(first.key).toBeGreaterThanOrEqual(first.values + SLACK);
  await memory.append("short", 1);
  const appended = await lifetimes();
  expect(appended.key).toBeGreaterThanOrEqual(appended.values + SLACK);
  expect(appended.key).toBeLessThan(appended.values + 4 * SLACK);
  await memory.set("long", 1, { ttl: "2h" });
  expect((await lifetimes()).key).toBeGreaterThan(Date.now() + 7_200_000);
  await memory.set("ever", 1);
  expect(await lifetimes()).toEqual({ key: -1, values: -1 });
  await open({ encryption: freshRing(), ttl: "1m" }).delete("ever");
  expect((await lifetimes()).key).toBe(-1);
});

test("the key of a namespace that is empty goes, but not before operations are forgotten; a write keeps it", async () => {
  const encryption = freshRing();
  const memory = open({ encryption });
  const operationId = freshId();
  for (const empty of [() => memory.clear(), () => memory.delete("x")]) {
    const { version } = await memory.set("x", 1, { operationId: `${operationId} ${String(empty)}` });
    expect((await lifetimes()).key).toBe(-1);
    await empty();
    const { key } = await lifetimes();
    expect(key).toBeGreaterThan(Date.now() + SLACK);
    expect(key).toBeLessThan(Date.now() + 4 * SLACK);
    expect(await memory.set("x", 1, { operationId: `${operationId} ${String(empty)}` })).toEqual({ version });
    expect(await memory.has("x")).toBe(false);
  }
  await memory.set("x", 1);
  expect((await lifetimes()).key).toBe(-1);
});

test("calls that seal nothing ask for no key and make none", async () => {
  const memory = open({ encryption: freshRing() });
  await memory.delete("x");
  await memory.clear();
  expect(await client.exists(keys().dataKey)).toBe(0);
});
