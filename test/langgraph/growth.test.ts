// A thread grows with what is new, and not with its length; and no farther than `maxCheckpoints`.
import { randomBytes, randomUUID } from "node:crypto";
import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import { Redis } from "ioredis";
import { RedisSaver } from "langchain-redis-sessions/langgraph";
import { afterAll, beforeEach, describe, expect, inject, test } from "vitest";
import { toolTurns } from "../bench/graphs/tool-turns.js";
import { amount } from "../support/amount.js";
import { freshId } from "../support/turns.js";
import { put, threadConfig } from "./support/checkpoints.js";
import { bytesUnder } from "./support/keys.js";
import { unsharing } from "./support/our-kinds.js";

const client = new Redis(inject("servers").single);
afterAll(() => client.disconnect());

let keyPrefix: string;
beforeEach(() => {
  keyPrefix = freshId();
});

describe("an agent's conversation", () => {
  const half = amount(10, 50);

  /** Returns what the second half of the turns added, as a multiple of the first. */
  async function growth(serde?: SerializerProtocol): Promise<number> {
    const saver = new RedisSaver({ client, keyPrefix, ...(serde && { serde }) });
    const take = toolTurns({ saver }, randomUUID());
    for (let turn = 0; turn < half; turn++) await take();
    const first = await bytesUnder(client, keyPrefix);
    for (let turn = 0; turn < half; turn++) await take();
    return ((await bytesUnder(client, keyPrefix)) - first) / first;
  }

  test("takes as much for its second half as for its first", async () => {
    expect(await growth()).toBeLessThan(1.35);
  });

  test("takes far more for it when a serializer makes other bytes of the same message each time", async () => {
    expect(await growth(unsharing)).toBeGreaterThan(2);
  });
});

describe("a thread of states that do not grow", () => {
  /** Returns what is kept after twice as many checkpoints, as a multiple. */
  async function growth(maxCheckpoints: number | "all"): Promise<number> {
    const saver = new RedisSaver({ client, keyPrefix, maxCheckpoints });
    let on = threadConfig("thread");
    const sizes: number[] = [];
    for (let step = 1; step <= 80; step++) {
      on = await put(saver, { on, values: { text: randomBytes(1_000).toString("hex") }, versions: { text: step } });
      await saver.putWrites(on, [["text", randomBytes(1_000).toString("hex")]], `task-${step}`);
      if (step % 40 === 0) sizes.push(await bytesUnder(client, keyPrefix));
    }
    return (sizes[1] ?? Number.NaN) / (sizes[0] ?? Number.NaN);
  }

  test("with `maxCheckpoints` takes what it took", async () => {
    expect(await growth(10)).toBeLessThan(1.1);
  });

  test("without a bound takes twice as much", async () => {
    expect(await growth("all")).toBeGreaterThan(1.8);
  });
});
