// What only a RedisSaver does, and what it says of bad input.
import { HumanMessage } from "@langchain/core/messages";
import { emptyCheckpoint } from "@langchain/langgraph-checkpoint";
import { describe, expect, test } from "vitest";
import { CorruptCheckpointError, InvalidOptionError } from "langchain-redis-sessions";
import { RedisSaver, type RedisSaverOptions, SessionSaver } from "langchain-redis-sessions/langgraph";
import { client, sessions } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { chain, idOf, listedIds, put, putArguments, threadConfig } from "./support/checkpoints.js";
import { threadFaults } from "./support/thread-faults.js";

const saverOf = (options: Partial<RedisSaverOptions> = {}): RedisSaver =>
  new RedisSaver({ client, keyPrefix: freshId(), ...options });

describe("threads()", () => {
  test("goes through the ids of all threads, hostile ones too, each once; those of sessions are not among them", async () => {
    const saver = saverOf();
    const ids = ["a", "a:b", "{a}", "*", "ä \n", "%2A", ...Array.from({ length: 1_200 }, (_, index) => `t${index}`)];
    await Promise.all(ids.map((id) => put(saver, { on: threadConfig(id) })));
    const found: string[] = [];
    for await (const id of saver.threads()) found.push(id);
    expect(found.toSorted()).toEqual(ids.toSorted());
    await saver.deleteThread("*");
    const left: string[] = [];
    for await (const id of saver.threads()) left.push(id);
    expect(left.toSorted()).toEqual(ids.filter((id) => id !== "*").toSorted());
  });

  test("list() without a thread lists those of all threads", async () => {
    const saver = saverOf();
    const made = await Promise.all(["a", "b"].map(async (id) => (await chain(saver, id, 3)).map(idOf)));
    expect((await listedIds(saver, {})).toSorted()).toEqual(made.flat().toSorted());
    const some: unknown[] = [];
    for await (const tuple of saver.list({}, { limit: 4 })) some.push(tuple);
    expect(some).toHaveLength(4);
  });
});

describe("prune()", () => {
  test("removes the oldest beyond keep, says how many, and frees what they alone held", async () => {
    const keyPrefix = freshId();
    const saver = saverOf({ keyPrefix });
    let on = threadConfig("a");
    for (let index = 0; index < 450; index++) {
      on = await put(saver, { on, values: { text: `${index} `.repeat(50) }, versions: { text: index } });
    }
    const nodes = `${keyPrefix}:thread:{a}:nodes`;
    expect(await client.hlen(nodes)).toBe(450);
    expect(await saver.prune("a", { keep: 10 })).toBe(440);
    expect(await client.hlen(nodes)).toBe(10);
    expect(await listedIds(saver, threadConfig("a"))).toHaveLength(10);
    expect(await saver.prune("a", { keep: 10 })).toBe(0);
    expect(await saver.prune("nothing", { keep: 1 })).toBe(0);
  });

  test("a put that is sent again after its checkpoint was pruned does not bring it back", async () => {
    const saver = saverOf({ maxCheckpoints: 1 });
    const first = putArguments({ on: threadConfig("a"), values: { text: "first" } });
    const on = await saver.put(...first);
    const second = putArguments({ on, values: { text: "second" }, versions: { text: 2 } });
    await saver.put(...second);
    await saver.put(...first);
    expect((await saver.getTuple(threadConfig("a")))?.checkpoint.id).toBe(second[1].id);
    expect(await listedIds(saver, threadConfig("a"))).toEqual([second[1].id]);
  });
});

test("a channel is carried on by its name and its version: what only reads the same together is another", async () => {
  const keyPrefix = freshId();
  const saver = saverOf({ keyPrefix });
  const values = { x: "of x", x1: "of x1", y1: "of y1", y: "of y" };
  const versions = { x: 11, x1: 1, y1: 1, y: 11 };
  const on = await put(saver, { on: threadConfig("a"), values, versions });
  const next = await put(saver, { on, values: { z: 1 }, carried: values, versions: { ...versions, z: 1 } });
  expect((await saverOf({ keyPrefix }).getTuple(next))?.checkpoint.channel_values).toEqual({ ...values, z: 1 });
});

test("where the checkpoints of a thread were evicted, what is left of it is no part of the thread that begins anew", async () => {
  const keyPrefix = freshId();
  const saver = saverOf({ keyPrefix });
  const base = `${keyPrefix}:thread:{a}`;
  const writes = { configurable: { thread_id: "a", checkpoint_ns: "", checkpoint_id: "early" } };
  for (const begin of [
    () => put(saver, { on: threadConfig("a"), values: { text: "new ".repeat(50) } }),
    () => saver.putWrites(writes, [["text", "new ".repeat(50)]], "task"),
  ]) {
    await chain(saver, "a", 3, (step) => ({ text: `${step} `.repeat(50) }));
    await client.del(`${base}:checkpoints`);
    await begin();
    expect(await client.zcard(`${base}:arrivals`)).toBe(1);
    expect(await client.hlen(`${base}:nodes`)).toBe(1);
    expect(await threadFaults(client, base)).toEqual([]);
    await saver.deleteThread("a");
  }
});

describe("what a saver remembers of Redis is only a hint", () => {
  test("another process deletes or prunes what it knows: the next put sends all", async () => {
    const keyPrefix = freshId();
    const [saver, other] = [saverOf({ keyPrefix }), saverOf({ keyPrefix })];
    const said = Array.from({ length: 20 }, (_, index) => new HumanMessage(`${index} `.repeat(40)));
    await put(saver, { on: threadConfig("a"), values: { said } });
    await other.deleteThread("a");
    const on = await put(saver, { on: threadConfig("a"), values: { said } });
    expect((await other.getTuple(on))?.checkpoint.channel_values["said"]).toEqual(said);
  });

  test("a flush in the middle of a run: it goes on, with all of its values", async () => {
    const keyPrefix = freshId();
    const saver = saverOf({ keyPrefix });
    const long = "long ".repeat(50);
    const on = await put(saver, { on: threadConfig("a"), values: { fixed: long, step: 1 } });
    await client.del(await client.keys(`${keyPrefix}:*`));
    const [, checkpoint, metadata] = putArguments({
      on,
      values: { fixed: long, step: 2 },
      versions: { fixed: 1, step: 2 },
    });
    const next = await saver.put(on, checkpoint, metadata, { step: 2 });
    expect((await saver.getTuple(next))?.checkpoint.channel_values).toEqual({ fixed: long, step: 2 });
  });
});

describe("bad input is a typed error, and nothing is stored", () => {
  const nothing = async (keyPrefix: string): Promise<void> => expect(await client.keys(`${keyPrefix}:*`)).toEqual([]);
  const lone = "\uD800";

  test.each([
    ["no thread_id", {}, "configurable.thread_id"],
    ["an empty thread_id", { thread_id: "" }, "configurable.thread_id"],
    ["a thread_id that is a number", { thread_id: 42 }, "configurable.thread_id"],
    ["a thread_id without UTF-8", { thread_id: lone }, "configurable.thread_id"],
    ["a thread_id of more than 1 KiB", { thread_id: "a".repeat(1_025) }, "configurable.thread_id"],
    ["a namespace without UTF-8", { thread_id: "a", checkpoint_ns: lone }, "checkpoint_ns"],
    ["a namespace that is a number", { thread_id: "a", checkpoint_ns: 1 }, "configurable.checkpoint_ns"],
    ["a parent without UTF-8", { thread_id: "a", checkpoint_id: lone }, "checkpoint_id"],
  ])("%s", async (_, configurable, option) => {
    const keyPrefix = freshId();
    const saver = saverOf({ keyPrefix });
    const [, checkpoint, metadata] = putArguments({ on: threadConfig("a") });
    const call = saver.put({ configurable }, checkpoint, metadata, {});
    await expect(call).rejects.toMatchObject({ name: "InvalidOptionError", option });
    await nothing(keyPrefix);
  });

  test("a channel, a task or a checkpoint without UTF-8, writes that name no checkpoint", async () => {
    const keyPrefix = freshId();
    const saver = saverOf({ keyPrefix });
    const metadata = { source: "loop", step: 0, parents: {} } as const;
    const checkpoint = { ...emptyCheckpoint(), channel_values: { [lone]: 1 } };
    const on = { configurable: { thread_id: "a", checkpoint_id: "b" } };
    for (const call of [
      () => saver.put(threadConfig("a"), checkpoint, metadata, { [lone]: 1 }),
      () => saver.put(threadConfig("a"), { ...emptyCheckpoint(), id: lone }, metadata, {}),
      () => saver.putWrites(on, [[lone, 1]], "task"),
      () => saver.putWrites(on, [["a", 1]], lone),
      () => saver.putWrites(on, [["a", 1]], "task", lone),
      () => saver.putWrites(threadConfig("a"), [["a", 1]], "task"),
    ]) {
      await expect(call()).rejects.toThrow(InvalidOptionError);
    }
    await nothing(keyPrefix);
  });

  test("a part of a value over maxValueBytes, which says how large it is", async () => {
    const keyPrefix = freshId();
    const saver = saverOf({ keyPrefix, maxValueBytes: 1_000 });
    const values = { said: [new HumanMessage("ä".repeat(500))] };
    await expect(put(saver, { on: threadConfig("a"), values })).rejects.toThrow(/takes 1\d{3} bytes.*maxValueBytes/s);
    const on = { configurable: { thread_id: "a", checkpoint_id: "b" } };
    await expect(saver.putWrites(on, [["a", "b".repeat(1_000)]], "task")).rejects.toThrow(InvalidOptionError);
    await nothing(keyPrefix);
    // It is the part that counts, and not the whole.
    const many = Array.from({ length: 20 }, () => new HumanMessage("a".repeat(300)));
    await put(saver, { on: threadConfig("a"), values: { said: many } });
  });

  test.each([
    [{ ttl: 0 }, "ttl"],
    [{ maxCheckpoints: 0 }, "maxCheckpoints"],
    [{ maxCheckpoints: "some" }, "maxCheckpoints"],
    [{ forks: "maybe" }, "forks"],
    [{ serde: {} }, "serde"],
    [{ refreshOnRead: 1 }, "refreshOnRead"],
    [{ maxValueBytes: -1 }, "maxValueBytes"],
    [{ client: {} }, "client"],
    [{ defaultTTL: 60 }, "defaultTTL"],
  ])("options %j", (options, option) => {
    expect(() => saverOf(options as never)).toThrow(expect.objectContaining({ name: "InvalidOptionError", option }));
  });

  test("options of a SessionSaver: a store is needed, and has the ttl", () => {
    expect(() => new SessionSaver({} as never)).toThrow(InvalidOptionError);
    expect(() => new SessionSaver({ sessions: {} as never })).toThrow(/SessionStore/);
    expect(() => new SessionSaver({ sessions, ttl: "1d" } as never)).toThrow(/no such option/);
  });

  test("keep of prune()", async () => {
    for (const keep of [0, -1, 1.5, "all", undefined]) {
      await expect(saverOf().prune("a", { keep } as never)).rejects.toThrow(InvalidOptionError);
    }
  });
});

test("a checkpoint that was changed in Redis is named with its thread, and no other is returned in its place", async () => {
  const keyPrefix = freshId();
  const saver = saverOf({ keyPrefix });
  const on = await put(saver, { on: threadConfig("a"), values: { step: 1 } });
  const fields = await client.hkeys(`${keyPrefix}:thread:{a}:checkpoints`);
  const field = fields.find((one) => one.startsWith("c")) ?? expect.unreachable();
  await client.hset(`${keyPrefix}:thread:{a}:checkpoints`, field, "something else");
  const damaged = { name: "CorruptCheckpointError", threadId: "a" };
  await expect(saver.getTuple(on)).rejects.toMatchObject(damaged);
  await expect(saver.getTuple(threadConfig("a"))).rejects.toMatchObject(damaged);
  await expect(listedIds(saver, threadConfig("a"))).rejects.toMatchObject(damaged);
  await expect(put(saver, { on, values: { step: 2 } })).rejects.toThrow(CorruptCheckpointError);
  // What the error advises helps.
  await saver.deleteThread("a");
  await put(saver, { on: threadConfig("a"), values: { step: 1 } });
});
