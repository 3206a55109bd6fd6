// P14: every key of an answer has a deadline, and nothing is left behind it.
import { AIMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startRedis } from "langchain-redis-sessions/testing";
import { closingIn } from "../support/closing.js";
import { client } from "../support/session-store.js";
import { Answering, heard, reason } from "./support/answering.js";

const { closing, keep } = closingIn(afterEach);
let user: Answering;
beforeEach(async () => {
  user = await Answering.on(client);
});
afterEach(() => user.close());

/** The keys of turns and answers, by whether they have a deadline. */
async function withoutDeadline(): Promise<string[]> {
  const keys = await user.left();
  const left = await Promise.all(keys.map(async (key) => [key, await client.pttl(key)] as const));
  return left.filter(([, milliseconds]) => milliseconds < 0).map(([key]) => key);
}
const ofAnswers = async (): Promise<string[]> =>
  (await user.left()).filter((key) => /:(answer|events|stop|successor|lease|holder|waiting):/.test(key));

type Way = () => Promise<void>;
const ways: Record<string, Way> = {
  runs: async () => {
    await user.begin();
  },
  "was stored": async () => {
    const answer = await user.begin();
    answer.send("one");
    await answer.store([new AIMessage("Hello")]);
    await answer.close();
  },
  "was interrupted": async () => (await user.begin()).close(),
  "was stopped": async () => {
    const answer = await user.begin();
    await user.answers.stop();
    await answer.close();
  },
  "was superseded": async () => {
    const answer = await user.begin();
    answer.signal.addEventListener("abort", () => void answer.close());
    await (await user.begin("two", { supersede: true, input: "Else" })).close();
  },
  "is followed": async () => {
    const answer = await user.begin();
    const followed = heard((await user.elsewhere()).answers);
    await expect.poll(() => client.hexists(user.keys.answer(user.id).answer, "followed")).toBe(1);
    answer.send("one");
    await answer.close();
    await followed;
  },
  "gave up waiting": async () => {
    await user.begin();
    await reason(user.begin("two", { supersede: true, waitFor: 1, input: "Else" }));
  },
  "was cleared": async () => {
    const answer = await user.begin();
    await user.store.history(user.session).clear();
    answer.send("one");
    await answer.close();
  },
};

test.each(Object.entries(ways))("an answer that %s leaves no key without a deadline", async (_, way) => {
  await way();
  expect(await withoutDeadline()).toEqual([]);
});

test("once it is stored, its events last for ttl, and then nothing of it is left", async () => {
  const answer = await user.begin("one", { ttl: 1, lease: 1 });
  answer.send("one");
  await answer.store([new AIMessage("Hello")]);
  await answer.close();
  expect(await heard(user.answers)).toEqual(["one", { end: "stored" }]);
  await expect.poll(ofAnswers, { timeout: 8_000, interval: 100 }).toEqual([]);
  expect(await heard(user.answers)).toEqual([]);
  expect(await user.stored()).toEqual(["human: Hi", "ai: Hello"]);
});

test("events of an interrupted answer expire after ttl; its question is offered as long as the conversation lasts", async () => {
  const answer = await user.begin("one", { ttl: 1, lease: 1 });
  answer.send("one");
  await answer.close();
  const { answer: hash, events } = user.keys.answer(user.id);
  await expect.poll(() => client.exists(events), { timeout: 8_000, interval: 100 }).toBe(0);
  expect(await user.answers.current()).toMatchObject({ operationId: "one", state: "interrupted" });
  const conversation = await client.pttl(user.keys.messages(user.id));
  expect(Math.abs((await client.pttl(hash)) - conversation)).toBeLessThan(60_000);
  expect((await heard(user.answers)).at(-1)).toEqual({ end: "interrupted" });
});

test("a running answer outlives its ttl, even if it sends nothing", async () => {
  const answer = await user.begin("one", { ttl: 1, lease: 2 });
  answer.send("one");
  await new Promise((resolve) => setTimeout(resolve, 4_500));
  answer.send("two");
  await answer.store([new AIMessage("Hello")]);
  await answer.close();
  expect(await heard(user.answers)).toEqual(["one", "two", { end: "stored" }]);
});

describe("a Redis that is out of memory", () => {
  test("refuses to begin; one that runs keeps its conversation, and is stored once there is memory again", async () => {
    const redis = await startRedis();
    closing.push(() => redis.stop());
    const own = keep(new Redis(redis.url));
    const alone = await Answering.on(own);
    closing.push(() => alone.close());
    const answer = await alone.begin("one", { lease: 2 });
    answer.send("first");
    await expect.poll(() => own.llen(alone.keys.answer(alone.id).events)).toBe(2);
    await own.config("SET", "maxmemory", "1");
    answer.send("second");
    expect(await reason(alone.begin("two"))).toMatchObject({ code: "STORAGE_FULL" });
    // Longer than its lease.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await alone.answers.current()).toMatchObject({ operationId: "one", state: "running" });
    expect(await alone.answers.stop({ operationId: "two" })).toBe(false);
    expect(await reason(answer.store([new AIMessage("Hello")]))).toMatchObject({
      code: "TURN_NOT_STORED",
      cause: { code: "STORAGE_FULL" },
    });
    await own.config("SET", "maxmemory", "0");
    await answer.store([new AIMessage("Hello")]);
    await answer.close();
    expect(await heard(alone.answers)).toEqual(["first", "second", { end: "stored" }]);
    expect(await alone.stored()).toEqual(["human: Hi", "ai: Hello"]);
  });

  test("can be told to stop an answer, which closes", async () => {
    const redis = await startRedis();
    closing.push(() => redis.stop());
    const own = keep(new Redis(redis.url));
    const alone = await Answering.on(own);
    closing.push(() => alone.close());
    const answer = await alone.begin();
    await own.config("SET", "maxmemory", "1");
    expect(await alone.answers.stop()).toBe(true);
    await expect.poll(() => answer.signal.aborted).toBe(true);
    await answer.close();
    await own.config("SET", "maxmemory", "0");
    expect(await alone.stored()).toEqual(["human: Hi"]);
  });
});
