// A server that is full, or whose slots move, leaves nothing half-written, and never gives another state.
import { HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LangChainRedisError, NotReplicatedError, StorageFullError } from "langchain-redis-sessions";
import { RedisSaver } from "langchain-redis-sessions/langgraph";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { Move, type MovingCluster } from "../support/slot-move.js";
import { freshId } from "../support/turns.js";
import { chain, idOf, listedIds, put, threadConfig, valuesOf } from "./support/checkpoints.js";

const long = (text: string): string => text.repeat(100);

describe("on a server of its own", () => {
  let redis: RunningRedis;
  let client: Redis;
  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.url);
  });
  afterAll(async () => {
    client.disconnect();
    await redis.stop();
  });

  test("out of memory: a put is a StorageFullError and stores nothing; reading, pruning and deleting go on", async () => {
    const saver = new RedisSaver({ client, refreshOnRead: true });
    const configs = await chain(saver, "a", 5, (step) => ({ step, text: long(`${step}`) }));
    const before = await Promise.all((await client.keys("*")).toSorted().map((key) => client.dump(key)));
    const last = configs.at(-1) ?? expect.unreachable();
    await client.config("SET", "maxmemory", 1);
    try {
      await expect(put(saver, { on: last, values: { text: long("new") } })).rejects.toThrow(StorageFullError);
      await expect(saver.putWrites(last, [["text", long("new")]], "task")).rejects.toThrow(StorageFullError);
      expect(await Promise.all((await client.keys("*")).toSorted().map((key) => client.dump(key)))).toEqual(before);
      expect(await valuesOf(saver, last)).toEqual({ step: 4, text: long("4") });
      expect(await saver.prune("a", { keep: 2 })).toBe(3);
      await saver.deleteThread("a");
      expect(await client.exists("chat:thread:{a}:checkpoints")).toBe(0);
    } finally {
      await client.config("SET", "maxmemory", 0);
    }
  });

  test("scripts that the server forgot are taught again", async () => {
    const saver = new RedisSaver({ client });
    await client.script("FLUSH", "SYNC");
    const on = await put(saver, { on: threadConfig("b"), values: { step: 1 } });
    await client.script("FLUSH", "SYNC");
    expect(await valuesOf(saver, on)).toEqual({ step: 1 });
  });

  test("with `wait` a write that no replica has is told, and a refusal is told as what it is", async () => {
    const saver = new RedisSaver({ client, forks: "refuse", wait: { replicas: 1, timeout: 0.02 } });
    await expect(put(saver, { on: threadConfig("c"), id: "1" })).rejects.toThrow(NotReplicatedError);
    // It took effect.
    expect(await listedIds(saver, threadConfig("c"))).toEqual(["1"]);
    await expect(put(saver, { on: threadConfig("c"), id: "2" })).rejects.toMatchObject({ code: "THREAD_CHANGED" });
  });
});

describe("on a Cluster whose slot moves", () => {
  let redis: RunningRedis;
  let moving: MovingCluster;
  beforeAll(async () => {
    redis = await startRedis({ cluster: true });
    const nodes = redis.nodes.map(({ host, port }) => new Redis({ host, port }));
    const options = { maxRedirections: 3, retryDelayOnTryAgain: 5, slotsRefreshInterval: 100 };
    moving = { nodes, addresses: redis.nodes, client: new Cluster([...redis.nodes], options) };
  });
  afterAll(async () => {
    moving.client.disconnect();
    for (const node of moving.nodes) node.disconnect();
    await redis.stop();
  });

  const parts = ["checkpoints", "arrivals", "nodes", "counts"] as const;
  const moved = [
    [],
    ...parts.map((part) => [part]),
    ...parts.map((part) => parts.filter((other) => other !== part)),
    [...parts],
  ];

  test.each(moved.map((some) => [some.join(", ") || "nothing", some] as const))(
    "%s moved: each call is whole, or refused with nothing changed, and then it goes on",
    async (_, some) => {
      const saver = new RedisSaver({ client: moving.client, deadline: 1 });
      const id = freshId();
      const said = [new HumanMessage(long("said"))];
      const on = await put(saver, { on: threadConfig(id), values: { said, step: 1 } });
      const keyOf = (part: string): string => `chat:thread:{${id}}:${part}`;
      const move = await Move.begin(moving, keyOf("checkpoints"));
      await move.take(some.map(keyOf));

      /** Returns the outcome, or undefined when the call was refused. */
      const attempt = async <Value>(call: () => Promise<Value>): Promise<Value | undefined> => {
        const before = await move.stored();
        try {
          return await call();
        } catch (error) {
          expect(error).toBeInstanceOf(LangChainRedisError);
          expect(await move.stored()).toEqual(before);
          return undefined;
        }
      };
      for (const config of [on, threadConfig(id)]) {
        const tuple = await attempt(async () => ({ found: await saver.getTuple(config) }));
        if (tuple) expect(tuple.found?.checkpoint.channel_values).toEqual({ said, step: 1 });
      }
      const ids = await attempt(() => listedIds(saver, threadConfig(id)));
      if (ids) expect(ids).toEqual([idOf(on)]);
      await attempt(() => saver.putWrites(on, [["step", long("2")]], "task"));
      const next: RunnableConfig | undefined = await attempt(() =>
        put(saver, { on, values: { step: long("2") }, carried: { said }, id: "next" }),
      );

      await move.finish();
      const repeated = next ?? (await put(saver, { on, values: { step: long("2") }, carried: { said }, id: "next" }));
      expect(await valuesOf(saver, repeated)).toEqual({ said, step: long("2") });
      await saver.putWrites(on, [["step", long("2")]], "task");
      expect((await saver.getTuple(on))?.pendingWrites).toEqual([["task", "step", long("2")]]);
      await saver.deleteThread(id);
      expect(await saver.getTuple(threadConfig(id))).toBeUndefined();
    },
  );
});
