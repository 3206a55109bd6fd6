// P14: events are logged in batches, in the background, once each, within bounds; the turn never suffers.
import { AIMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { logAnswerScript } from "../../src/redis/scripts/answer/log.js";
import { readAnswerScript } from "../../src/redis/scripts/answer/read.js";
import { damaged } from "../past/support/damaged.js";
import { closingIn } from "../support/closing.js";
import { client } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { all, Answering, heard, said } from "./support/answering.js";
import { counting } from "./support/counting.js";

const { keep, through } = closingIn(afterEach);
const { single } = inject("servers");
let user: Answering;
beforeEach(async () => {
  user = await Answering.on(client);
});
afterEach(() => user.close());
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("a token every 10 ms makes at most 20 scripts a second", async () => {
  const calls = counting(client);
  const store = new SessionStore({ client: calls.client, keyPrefix: user.keyPrefix });
  const answer = await store.answers(user.session).begin({ operationId: "one", input: "Hi" });
  const began = performance.now();
  const tokens = Array.from({ length: 150 }, (_, index) => `token ${index}`);
  for (const token of tokens) {
    answer.send(token);
    await pause(10);
  }
  await answer.close();
  const seconds = (performance.now() - began) / 1_000;
  // The first is sent at once, and the last closes the log; one asks when the subscription stands.
  expect(calls.of(logAnswerScript)).toBeLessThanOrEqual(20 * seconds + 3);
  expect(await heard(user.answers)).toEqual([...tokens, { end: "interrupted" }]);
  await store.close();
});

test("an answer that nobody closes asks a Redis that is away less and less often", async () => {
  const proxy = await through(single);
  const { host, port } = proxy;
  const calls = counting(
    keep(new Redis({ host, port, enableOfflineQueue: false, maxRetriesPerRequest: 0, lazyConnect: true })),
  );
  calls.client.on("error", () => {});
  await calls.client.connect();
  const { answers } = await user.elsewhere(calls.client);
  const answer = await answers.begin({ operationId: "one", input: "Hi", lease: "60s" });
  proxy.refuse();
  const tries = (): number => calls.of(logAnswerScript);
  const before = tries();
  answer.send("Hel");
  const began = performance.now();
  await expect.poll(tries, { interval: 10 }).toBeGreaterThanOrEqual(before + 4);
  // 250, 500 and 1,000 ms behind the first, and no timer is early by more than one.
  expect(performance.now() - began).toBeGreaterThan(1_700);
  await proxy.heal();
  await expect.poll(() => calls.client.status).toBe("ready");
  await answer.close();
  expect(await heard(user.answers)).toEqual(["Hel", { end: "interrupted" }]);
});

test("200 followers of one answer in one process cost at most one read for all at each batch", async () => {
  const calls = counting(client);
  const store = new SessionStore({ client: calls.client, keyPrefix: user.keyPrefix, maxSessionsPerUser: 100 });
  const answer = await user.begin();
  answer.send("begun");
  const followers = Array.from({ length: 200 }, () => store.answers(user.session).follow());
  for (const follower of followers) expect(said([(await follower.next()).value as never])).toEqual(["begun"]);
  // Each reads what there is once. From here on one reads for all.
  const rest = followers.map(all);
  await expect.poll(() => calls.of(readAnswerScript)).toBeGreaterThan(200);
  const before = calls.of(readAnswerScript);
  const words = Array.from({ length: 10 }, (_, index) => `word ${index}`);
  for (const word of words) {
    answer.send(word);
    await pause(60);
  }
  await answer.close();
  for (const one of rest) expect(said(await one)).toEqual([...words, { end: "interrupted" }]);
  expect(calls.of(readAnswerScript) - before).toBeLessThan(40);
  await store.close();
});

test("a Redis that stands still for three seconds: send() returns at once, and all arrives afterwards", async () => {
  const proxy = await through(single);
  const faulty = keep(new Redis(proxy.port));
  const store = new SessionStore({ client: faulty, keyPrefix: user.keyPrefix });
  const answer = await store.answers(user.session).begin({ operationId: "one", input: "Hi" });
  answer.send("first");
  const followed = heard(user.answers);
  await expect.poll(() => client.llen(user.keys.answer(user.id).events)).toBe(2);
  proxy.delay(3_000);
  const words = Array.from({ length: 500 }, (_, index) => `word ${index}`);
  for (const word of words) answer.send(word);
  // All have returned, and Redis has none of them.
  expect(await client.llen(user.keys.answer(user.id).events)).toBe(2);
  await pause(500);
  proxy.delay(0);
  await answer.store([new AIMessage("words")]);
  await answer.close();
  expect(await followed).toEqual(["first", ...words, { end: "stored" }]);
  await store.close();
}, 30_000);

test("replies of the log that get lost: each event is there once, in its place", async () => {
  const proxy = await through(single);
  const faulty = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: 0, retryStrategy: () => 1 }));
  const store = new SessionStore({ client: faulty, keyPrefix: user.keyPrefix, deadline: 2 });
  const answer = await store.answers(user.session).begin({ operationId: "one", input: "Hi" });
  const words = Array.from({ length: 30 }, (_, index) => `word ${index}`);
  for (const [index, word] of words.entries()) {
    if (index % 5 === 0) proxy.dropReplies({ command: ["EVALSHA", "EVAL"], count: 2 });
    answer.send(word);
    await pause(30);
  }
  await expect.poll(() => proxy.faults).toBeGreaterThan(3);
  await proxy.heal();
  await answer.close();
  expect(await heard(user.answers)).toEqual([...words, { end: "interrupted" }]);
  await store.close();
});

test("the control: a log that does not compare how many events it has adds them twice", async () => {
  const twice = damaged(client, 'local present = redis.call("LLEN", events) - 1', "local present = from");
  const proxied = new Proxy(twice, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (name !== "evalsha" || typeof value !== "function") return value;
      // Each log runs twice, as after a lost reply.
      return async (sha1: string, ...rest: unknown[]) => {
        if (sha1 === logAnswerScript.sha1) await (value as (...all: unknown[]) => Promise<unknown>)(sha1, ...rest);
        return (value as (...all: unknown[]) => Promise<unknown>)(sha1, ...rest);
      };
    },
  });
  const store = new SessionStore({ client: proxied, keyPrefix: user.keyPrefix });
  const answer = await store.answers(user.session).begin({ operationId: "one", input: "Hi" });
  answer.send("one");
  await answer.close();
  expect(await heard(user.answers)).not.toEqual(["one", { end: "interrupted" }]);
  await store.close();
});

describe("bounds", () => {
  test("beyond maxBytes the log says that it is truncated, and only the end is added", async () => {
    const answer = await user.begin("one", { maxBytes: 40 });
    for (let number = 0; number < 20; number++) answer.send(`event ${number}`);
    await pause(100);
    for (let number = 20; number < 40; number++) answer.send(`event ${number}`);
    await answer.store([new AIMessage("Hello")]);
    await answer.close();
    expect(await heard(user.answers)).toEqual([
      "event 0",
      "event 1",
      "event 2",
      "event 3",
      { truncated: true },
      { end: "stored" },
    ]);
    expect(await client.llen(user.keys.answer(user.id).events)).toBe(6);
  });

  test("events that Redis refuses for too long are left out, and one mark stands in their place", async () => {
    const proxy = await through(single);
    const faulty = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: 0, retryStrategy: () => 10 }));
    const store = new SessionStore({ client: faulty, keyPrefix: user.keyPrefix, deadline: 1 });
    const answer = await store.answers(user.session).begin({ operationId: "one", input: "Hi", maxBytes: 2_000 });
    answer.send("first");
    await expect.poll(() => client.llen(user.keys.answer(user.id).events)).toBe(2);
    proxy.blackhole();
    answer.send("second");
    await pause(100);
    for (let number = 0; number < 50; number++) answer.send(`${number} ${"x".repeat(60)}`);
    await proxy.heal();
    await answer.close();
    const events = await heard(user.answers);
    expect(events.slice(0, 2)).toEqual(["first", "second"]);
    expect(events.at(-1)).toEqual({ end: "interrupted" });
    expect(
      events.filter((event) => JSON.stringify(event).includes("missed") || JSON.stringify(event).includes("truncated"))
        .length,
    ).toBeGreaterThan(0);
    await store.close();
  });

  test("a log that lost thousands of its events, with a Redis that came back from a snapshot, goes on behind them", async () => {
    const { events } = user.keys.answer(user.id);
    const answer = await user.begin();
    const many = 9_000;
    for (let number = 0; number < many; number++) answer.send(number);
    await expect.poll(() => client.llen(events)).toBe(many + 1);
    await client.ltrim(events, 0, 2);
    answer.send("after");
    await answer.close();
    const missed = Array.from({ length: many - 2 }, () => ({ missed: true }));
    expect(await heard(user.answers)).toEqual([0, 1, ...missed, "after", { end: "interrupted" }]);
  });

  test("events that are large, many, or no text arrive as they are", async () => {
    const answer = await user.begin();
    const events = [0, "", null, false, [], { a: { b: ["ü", "\u0000", "\u2028"] } }, "x".repeat(200_000), -0.5];
    for (const event of events) answer.send(event);
    const numbers = Array.from({ length: 3_000 }, (_, index) => index);
    for (const number of numbers) answer.send(number);
    await answer.close();
    expect(await heard(user.answers)).toEqual([...events, ...numbers, { end: "interrupted" }]);
  });
});

describe("a Pub/Sub message that is lost", () => {
  test("is made up for by the poll: events and the end arrive", async () => {
    const silent = damaged(client, 'redis.pcall("PUBLISH", channel .. ":events", "events" .. (added or ""))', "");
    const store = new SessionStore({ client: silent, keyPrefix: user.keyPrefix });
    const answer = await store.answers(user.session).begin({ operationId: "one", input: "Hi" });
    const followed = heard((await user.elsewhere()).answers);
    await pause(300);
    answer.send("one");
    await answer.store([new AIMessage("Hello")]);
    await answer.close();
    expect(await followed).toEqual(["one", { end: "stored" }]);
    await store.close();
  });

  test("because the subscriber was cut off: it subscribes again, and a stop is heard", async () => {
    const connectionName = freshId();
    const { answers } = await user.elsewhere(keep(new Redis({ ...single, connectionName })));
    const answer = await answers.begin({ operationId: "one", input: "Hi" });
    const followed = heard(answers);
    const subscribers = async (): Promise<string[]> => {
      const list = String(await client.call("CLIENT", "LIST", "TYPE", "pubsub"));
      return list.split("\n").filter((line) => line.includes(`name=${connectionName} `));
    };
    await expect.poll(subscribers).toHaveLength(1);
    const [line = ""] = await subscribers();
    await client.call("CLIENT", "KILL", "ID", /^id=(\d+)/.exec(line)?.[1] ?? "");
    answer.send("one");
    expect(await (await user.elsewhere()).answers.stop()).toBe(true);
    await expect.poll(() => answer.signal.aborted, { timeout: 6_000 }).toBe(true);
    await answer.close();
    expect(await followed).toEqual(["one", { end: "stopped" }]);
  });
});
