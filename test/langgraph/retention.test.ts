// What a prune keeps and what it removes, checkpoint by checkpoint.
import { TASKS } from "@langchain/langgraph-checkpoint";
import type { RunnableConfig } from "@langchain/core/runnables";
import { describe, expect, test } from "vitest";
import { RedisSaver, type RedisSaverOptions } from "langchain-redis-sessions/langgraph";
import { client } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { chain, idOf, listedIds, put, putArguments, threadConfig } from "./support/checkpoints.js";
import { threadFaults } from "./support/thread-faults.js";

const everything = { configurable: { thread_id: "t" } };
const root = threadConfig("t");

function place(): { base: string; open: (options?: Partial<RedisSaverOptions>) => RedisSaver } {
  const keyPrefix = freshId();
  return { base: `${keyPrefix}:thread:{t}`, open: (options) => new RedisSaver({ client, keyPrefix, ...options }) };
}
const counted = { counters_since_delta_snapshot: { delta: [1, 1] } } as const;

describe("a put", () => {
  test("removes no more than eight, so that none takes long", async () => {
    const { open } = place();
    const configs = await chain(open({ maxCheckpoints: "all" }), "t", 30);
    await put(open({ maxCheckpoints: 1 }), { on: configs.at(-1) ?? root, values: { step: 31 } });
    expect(await listedIds(open(), everything)).toHaveLength(23);
  });

  test("finds what can go behind many that have to stay", async () => {
    const { open } = place();
    let on = (await chain(open({ maxCheckpoints: "all" }), "t", 30)).at(-1) ?? root;
    for (let index = 0; index < 60; index++) await put(open(), { on: threadConfig("t", `graph ${index}`) });
    for (let index = 0; index < 60; index++)
      on = await put(open({ maxCheckpoints: 1 }), { on, values: { step: index } });
    // It looks at some of them each time, so that one or two may be left for the next.
    expect((await listedIds(open(), root)).length).toBeLessThan(5);
    expect((await listedIds(open(), everything)).length).toBeGreaterThan(60);
  });

  test("removes early writes whose checkpoint did not come, and not the ones that it may still come for", async () => {
    const { base, open } = place();
    const saver = open({ maxCheckpoints: 1 });
    const early = (id: string) => ({ configurable: { thread_id: "t", checkpoint_ns: "", checkpoint_id: id } });
    let on = await put(saver, { on: root, values: { text: "first" } });
    await saver.putWrites(early("never"), [["text", "early ".repeat(50)]], "task");
    on = await put(saver, { on, values: { text: "second" }, versions: { text: 2 } });
    expect(await client.hlen(`${base}:nodes`)).toBe(1);
    await client.hincrby(`${base}:checkpoints`, "arrived", 1_000);
    await put(saver, { on, values: { text: "third" }, versions: { text: 3 } });
    expect(await client.hlen(`${base}:nodes`)).toBe(0);
    expect(await threadFaults(client, base)).toEqual([]);
  });

  test("notes a bounded number of those that were pruned", async () => {
    const { base, open } = place();
    await chain(open({ maxCheckpoints: 1 }), "t", 80);
    expect(await client.hstrlen(`${base}:checkpoints`, "pruned")).toBeLessThan(2_000);
  });
});

describe("a prune to 1 keeps", () => {
  const pruned = async (open: () => RedisSaver): Promise<string[]> => {
    await open().prune("t", { keep: 1 });
    return listedIds(open(), root);
  };
  const other = (on: RunnableConfig, open: () => RedisSaver) =>
    put(open(), { on, values: { other: 1 }, versions: { other: 1 } });

  test("the parent of a checkpoint in which a delta channel has no value, and nothing before it", async () => {
    const { base, open } = place();
    const before = await other(root, open);
    const parent = await put(open(), { on: before, values: { delta: "snapshot" }, metadata: counted as never });
    const child = await put(open(), { on: parent, metadata: counted as never });
    expect(await pruned(open)).toEqual([idOf(child), idOf(parent)]);
    expect(await threadFaults(client, base)).toEqual([]);
    // A checkpoint that has a value of its own needs none.
    const last = await put(open(), { on: child, values: { delta: "next" }, versions: { delta: 2 } });
    expect(await pruned(open)).toEqual([idOf(last)]);
  });

  test("the parent of one that does not say which of its channels are such, and whose parent did", async () => {
    const { open } = place();
    const first = await put(open(), { on: root, values: { delta: "snapshot" }, metadata: counted as never });
    const parent = await put(open(), { on: first, metadata: counted as never });
    const child = await other(parent, open);
    expect(await pruned(open)).toEqual([idOf(child), idOf(parent), idOf(first)]);
  });

  test("the parent of one from before version 4, which has its sends", async () => {
    const { open } = place();
    const parent = await other(root, open);
    await open().putWrites(parent, [[TASKS, { node: "a", args: 1 }]], "task");
    const [on, checkpoint, metadata, versions] = putArguments({ on: parent, values: { other: 2 } });
    const child = await open().put(on, { ...checkpoint, v: 1 }, metadata, versions);
    expect(await pruned(open)).toEqual([idOf(child), idOf(parent)]);
    expect((await open().getTuple(child))?.checkpoint.channel_values[TASKS]).toEqual([{ node: "a", args: 1 }]);
  });
});

test("a checkpoint that cannot be read without its parent is refused when that one is gone", async () => {
  const { open } = place();
  const gone = { configurable: { thread_id: "t", checkpoint_ns: "", checkpoint_id: "gone" } };
  await put(open(), { on: root, values: { other: 1 } });
  const late = put(open(), { on: gone, metadata: counted as never });
  await expect(late).rejects.toMatchObject({ code: "THREAD_DELETED" });
  expect(await listedIds(open(), root)).toHaveLength(1);
});

test("deleting a thread that is not there leaves nothing", async () => {
  const { base, open } = place();
  await open().deleteThread("t");
  expect(await client.exists(`${base}:deleted`)).toBe(0);
});

test.each(["arrivals", "nodes", "counts"])(
  "where the key %s of a thread was evicted, each call is told",
  async (key) => {
    const { base, open } = place();
    const configs = await chain(open(), "t", 3, (step) => ({ text: `${step} `.repeat(50) }));
    const on = configs.at(-1) ?? root;
    await client.del(`${base}:${key}`);
    for (const call of [
      () => open().getTuple(on),
      () => listedIds(open(), root),
      () => open().getDeltaChannelHistory({ config: on, channels: ["text"] }),
      () => put(open(), { on, values: { text: "new" } }),
      () => open().putWrites(on, [["text", "new"]], "task"),
      () => open().prune("t", { keep: 1 }),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: "CORRUPT_CHECKPOINT" });
    }
  },
);

test("an ancestor that was changed in Redis is told by what walks over it", async () => {
  const { base, open } = place();
  const [first, , last] = await chain(open(), "t", 3, (step) => ({ [`step ${step}`]: step }));
  await client.hset(`${base}:checkpoints`, `c\n${idOf(first ?? root)}`, "something else");
  const walk = open().getDeltaChannelHistory({ config: last ?? root, channels: ["none"] });
  await expect(walk).rejects.toMatchObject({ code: "CORRUPT_CHECKPOINT" });
});
