// What an eviction, a restore or somebody else's command took from a thread: a reader is told, or gets the right state.
import { HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { afterAll, beforeEach, describe, expect, inject, test } from "vitest";
import { CorruptCheckpointError } from "langchain-redis-sessions";
import { RedisSaver } from "langchain-redis-sessions/langgraph";
import { freshId } from "../support/turns.js";
import { chain, listed, put, threadConfig, valuesOf } from "./support/checkpoints.js";
import { keysUnder } from "./support/keys.js";
import type { Saver } from "./support/place.js";

const client = new Redis(inject("servers").single);
afterAll(() => client.disconnect());

let keyPrefix: string;
let saver: Saver;
beforeEach(() => {
  keyPrefix = freshId();
  saver = new RedisSaver({ client, keyPrefix });
});
const reader = (): Saver => new RedisSaver({ client, keyPrefix });
const config = threadConfig("the-thread");

const said = (count: number): HumanMessage[] =>
  Array.from(
    { length: count },
    (_, index) => new HumanMessage({ content: `${index}: ${"x".repeat(80)}`, id: `${index}` }),
  );
const state = { messages: said(40), plan: { steps: ["a".repeat(100), new Uint8Array([1, 2, 255])] }, count: 3 };

async function stored(): Promise<void> {
  const [, , third] = await chain(saver, "the-thread", 3, (step) => ({
    ...state,
    messages: said(38 + step),
    count: step + 1,
  }));
  await saver.putWrites(
    third ?? config,
    [["messages", [new HumanMessage({ content: "y".repeat(80), id: "w" })]]],
    "task",
  );
}

/**
 * Returns what a reader gets, or "told of " and the channel that the error names, if it names one: anything but what was
 * stored and a CorruptCheckpointError fails.
 */
async function outcome(from: Saver): Promise<string> {
  const tuple = await from.getTuple(config).catch((error: unknown) => error);
  if (tuple === undefined) return "absent";
  if (tuple instanceof Error) {
    expect(tuple).toBeInstanceOf(CorruptCheckpointError);
    expect(tuple).toMatchObject({ code: "CORRUPT_CHECKPOINT", threadId: "the-thread" });
    expect(tuple.message).toContain("the-thread");
    expect(tuple.message).not.toContain("xxx");
    const { channel = "" } = tuple as CorruptCheckpointError;
    expect(tuple.message).toContain(channel);
    return `told of ${channel}`;
  }
  const { checkpoint, pendingWrites } = tuple as Awaited<ReturnType<Saver["getTuple"]>> & object;
  expect(checkpoint.channel_values).toEqual(state);
  expect(pendingWrites).toHaveLength(1);
  return "right";
}

async function hashes(): Promise<string[]> {
  const keys = await keysUnder(client, keyPrefix);
  const types = await Promise.all(keys.map((key) => client.type(key)));
  return keys.filter((_, index) => types[index] === "hash");
}

/** Which of the outcomes tell of a damage. Each has to name the channel of which something is damaged. */
function channelsTold(outcomes: readonly string[]): string[] {
  return outcomes.filter((one) => one.startsWith("told of")).map((one) => one.replace("told of ", ""));
}

const nodesKey = async (): Promise<string> => (await hashes()).find((key) => key.endsWith(":nodes")) ?? "";

describe("one node is", () => {
  const damages: readonly (readonly [string, (key: string, field: string, value: Buffer) => Promise<unknown>])[] = [
    ["removed", (key, field) => client.hdel(key, field)],
    ["emptied", (key, field) => client.hset(key, field, "")],
    ["cut short", (key, field, value) => client.hset(key, field, value.subarray(0, -1))],
    ["changed by a character", (key, field, value) => client.hset(key, field, altered(value))],
  ];

  test.each(damages)("%s: the reader is told, or needs it not", async (_name, damage) => {
    await stored();
    const key = await nodesKey();
    const nodes = await client.hgetallBuffer(key);
    expect(Object.keys(nodes).length).toBeGreaterThan(40);
    const outcomes: string[] = [];
    for (const [field, value] of Object.entries(nodes)) {
      await damage(key, field, value);
      outcomes.push(await outcome(reader()));
      await client.hset(key, field, value);
    }
    const told = channelsTold(outcomes);
    expect(told.filter((channel) => channel === "messages").length).toBeGreaterThan(40);
    expect(told.filter((channel) => channel === "plan")).toHaveLength(1);
    expect(new Set(told)).toEqual(new Set(["messages", "plan"]));
    expect(outcomes).not.toContain("absent");
    expect(await outcome(reader())).toBe("right");
  });

  test("put in the place of another: the reader is told", async () => {
    await stored();
    const key = await nodesKey();
    const nodes = Object.entries(await client.hgetallBuffer(key));
    const before = await outcome(reader());
    const outcomes: string[] = [];
    for (const [index, [field, value]] of nodes.entries()) {
      await client.hset(key, field, nodes[(index + 1) % nodes.length]?.[1] ?? "");
      outcomes.push(await outcome(reader()));
      await client.hset(key, field, value);
    }
    expect(before).toBe("right");
    const told = channelsTold(outcomes);
    expect(told.length).toBeGreaterThan(40);
    expect(new Set(told)).toEqual(new Set(["messages", "plan"]));
  });
});

function altered(value: Buffer): Buffer {
  const copy = Buffer.from(value);
  const last = copy.length - 2;
  copy[last] = (copy[last] ?? 0) === 120 ? 121 : 120;
  return copy;
}

test("all nodes are gone: list tells, too", async () => {
  await stored();
  await client.del(await nodesKey());
  const error: unknown = await listed(reader(), config).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CorruptCheckpointError);
  expect(error).toMatchObject({ threadId: "the-thread", channel: "messages" });
});

test("only nodes of a task's writes are gone: the channel that was written to is told", async () => {
  const on = await put(saver, { on: config, values: { count: 1 } });
  await saver.putWrites(on, [["plan", state.plan]], "task");
  await client.del(await nodesKey());
  expect(await outcome(reader())).toBe("told of plan");
  const history = reader().getDeltaChannelHistory({ config: on, channels: ["plan"] });
  expect(await history).toEqual({ plan: { writes: [] } });
});

test("one key of a thread is evicted: the reader is told, or there is no thread; never another state", async () => {
  await stored();
  const keys = await keysUnder(client, keyPrefix);
  expect(keys.length).toBeGreaterThan(2);
  for (const key of keys) {
    const dump = await client.dumpBuffer(key);
    await client.del(key);
    await outcome(reader());
    const lost = reader().list(config);
    await lost.next().catch((error: unknown) => expect(error).toBeInstanceOf(CorruptCheckpointError));
    await client.restore(key, 0, dump);
  }
  expect(await outcome(reader())).toBe("right");
});

describe("a saver that knows what Redis had", () => {
  test("is told, and stores nothing, when a single node is gone", async () => {
    const on = await put(saver, { on: config, values: state });
    const key = await nodesKey();
    for (const [field, value] of Object.entries(await client.hgetallBuffer(key))) {
      await client.hdel(key, field);
      const next = put(saver, { on, values: state, versions: { messages: 2, plan: 2, count: 2 } });
      await expect(next).rejects.toBeInstanceOf(CorruptCheckpointError);
      await client.hset(key, field, value);
    }
    expect(await listed(reader(), config)).toHaveLength(1);
    expect(await valuesOf(reader(), on)).toEqual(state);
  });

  test("is told when all nodes of a thread are gone, and can delete it", async () => {
    await stored();
    await client.del(await nodesKey());
    await expect(put(saver, { on: config, values: state })).rejects.toBeInstanceOf(CorruptCheckpointError);
    await saver.deleteThread("the-thread");
    expect(await valuesOf(reader(), await put(saver, { on: config, values: state }))).toEqual(state);
  });

  test("sends all after FLUSHALL by another", async () => {
    await stored();
    const keys = await keysUnder(client, keyPrefix);
    await client.del(...keys);
    const next = await put(saver, { on: config, values: state });
    expect(await valuesOf(reader(), next)).toEqual(state);
  });

  test("sends all after another one deleted the thread, or pruned it", async () => {
    await stored();
    await reader().deleteThread("the-thread");
    const first = await put(saver, { on: config, values: state });
    expect(await valuesOf(reader(), first)).toEqual(state);
    const second = await put(saver, { on: first, values: { ...state, messages: said(3) }, versions: { messages: 2 } });
    await reader().prune?.("the-thread", { keep: 1 });
    const third = await put(saver, { on: second, values: { messages: state.messages }, versions: { messages: 3 } });
    expect((await valuesOf(reader(), third))["messages"]).toEqual(state.messages);
  });

  test("carries a channel on, or tells, when the parent is gone or damaged", async () => {
    const parent = await put(saver, { on: config, values: state });
    const key = await nodesKey();
    const nodes = await client.hgetallBuffer(key);
    for (const field of Object.keys(nodes)) {
      await client.hdel(key, field);
      const made = { on: parent, values: { count: 4 }, carried: { messages: state.messages, plan: state.plan } };
      const next = await put(saver, { ...made, versions: { count: 2 } }).catch((error: unknown) => {
        expect(error).toBeInstanceOf(CorruptCheckpointError);
      });
      if (next) {
        const found = await valuesOf(reader(), next).catch((error: unknown) => error);
        if (found instanceof Error) expect(found).toBeInstanceOf(CorruptCheckpointError);
        else expect(found).toEqual({ ...state, count: 4 });
      }
      await client.hset(key, field, nodes[field] ?? "");
    }
  });
});
