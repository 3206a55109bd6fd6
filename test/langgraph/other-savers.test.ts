// Controls: which of the promises LangGraph's own savers do not keep. They are installed by `npm run test:long`.
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { Redis } from "ioredis";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installed, officialSaver, sqliteSaver } from "../savers/peers.js";
import { put, putArguments, threadConfig } from "./support/checkpoints.js";
import { deletion } from "./promises/deletion.js";
import { order } from "./promises/order.js";
import type { SaverPromise } from "./support/saver-promise.js";
import { twoRuns } from "./promises/two-runs.js";
import { values } from "./promises/values.js";

const long = installed && process.env["LONG"] === "1";

let redis: RunningRedis;
let client: Redis;
beforeAll(async () => {
  if (!long) return;
  redis = await startRedis();
  client = new Redis(redis.url);
});
afterAll(async () => {
  client?.disconnect();
  await redis?.stop();
});

/** Nobody else uses this server, and the official saver has no prefix for its keys. */
async function official(): Promise<BaseCheckpointSaver> {
  await client.flushall();
  return officialSaver(client);
}

const all = { order, values, deletion, twoRuns };

/** Returns the promises whose claims begin like one of these. Each beginning must name one. */
function claimed(beginnings: readonly string[]): SaverPromise[] {
  const promises = Object.values(all).flat();
  return beginnings.map((beginning) => {
    const found = promises.find(({ claim }) => claim.startsWith(beginning));
    if (found === undefined) throw new Error(`No promise begins with: ${beginning}`);
    return found;
  });
}

describe.runIf(long)("the official Redis saver breaks:", () => {
  test.each(
    claimed([
      "the latest is the one that arrived last",
      "bytes stay bytes",
      "Map, Set, undefined",
      "threads with special ids are apart",
      "a put that is built on a deleted checkpoint",
      "a thread that is deleted while a graph runs",
      "with `forks:",
    ]),
  )("$claim", async ({ holds }) => {
    const saver = await official();
    await expect(holds({ open: () => saver })).rejects.toBeInstanceOf(Error);
  });

  test("deleteThread of one user takes along the thread of another", async () => {
    const saver = await official();
    for (const thread of ["user", "user:1"]) await put(saver, { on: threadConfig(thread), values: { thread } });
    await saver.deleteThread("user");
    expect(await saver.getTuple(threadConfig("user:1"))).toBeUndefined();
  });

  test("writes that arrive with their checkpoint are lost now and then", async () => {
    const saver = await official();
    let lost = 0;
    for (let time = 0; time < 200; time++) {
      const made = putArguments({ on: threadConfig(`thread-${time}`), values: { time } });
      const config = { configurable: { ...made[0].configurable, checkpoint_id: made[1].id } };
      await Promise.all([saver.putWrites(config, [["a", 1]], "task"), saver.put(...made)]);
      if ((await saver.getTuple(config))?.pendingWrites?.length !== 1) lost += 1;
    }
    expect(lost).toBeGreaterThan(0);
  });
});

describe.runIf(long)("the SQLite saver breaks:", () => {
  test.each(
    claimed([
      "the latest is the one that arrived last",
      "bytes stay bytes",
      "a put that is built on a deleted checkpoint",
      "a thread that is deleted while a graph runs",
      "with `forks:",
    ]),
  )("$claim", async ({ holds }) => {
    const saver = await sqliteSaver();
    await expect(holds({ open: () => saver })).rejects.toBeInstanceOf(Error);
  });
});
