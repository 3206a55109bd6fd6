// P14: a small batch of events comes with the message that wakes followers, who then need not read it. Messages may be lost,
// repeated or made up: the numbers of events decide what is new, so each event still comes once, and in its place.
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, test, vi } from "vitest";
import { keyring } from "langchain-redis-sessions";
import { answerChannel, eventsChannel } from "../../src/redis/keys.js";
import { readAnswerScript } from "../../src/redis/scripts/answer/read.js";
import { damaged } from "../past/support/damaged.js";
import { closingIn } from "../support/closing.js";
import { client } from "../support/session-store.js";
import type { Client } from "../support/topologies.js";
import { Answering, heard } from "./support/answering.js";
import { counting } from "./support/counting.js";

const { keep } = closingIn(afterEach);
const { single } = inject("servers");
let user: Answering;
beforeEach(async () => {
  user = await Answering.on(client);
});
afterEach(() => user.close());

const words = Array.from({ length: 12 }, (_, index) => `word ${index + 1}`);
const channelOf = ({ keys, id }: Answering): string => eventsChannel(answerChannel(keys.base, id));

/** Waits until a user's answer has a follower whose subscription stands. */
async function isFollowed(of: Answering): Promise<void> {
  await vi.waitUntil(async () => (await client.hget(of.keys.answer(of.id).answer, "followed")) !== null);
  await vi.waitUntil(async () => Number((await client.pubsub("NUMSUB", channelOf(of)))[1]) > 0);
}

/** Collects what is published to the followers of a user's answers. */
async function published(of: Answering): Promise<string[]> {
  const subscriber = keep(new Redis(single));
  const messages: string[] = [];
  subscriber.on("message", (_channel, message: string) => messages.push(message));
  await subscriber.subscribe(channelOf(of));
  return messages;
}

/** Sends words, each after the one before has been heard, from a process whose scripts are those of a client. */
async function speak(through: Client): Promise<{ readonly reads: number; readonly events: unknown[] }> {
  const writer = await Answering.on(through, { keyPrefix: user.keyPrefix });
  const calls = counting(keep(new Redis(single)));
  const { answers } = await writer.elsewhere(calls.client);
  const answer = await writer.begin("one", { window: "10ms" });
  const events: unknown[] = [];
  const following = (async () => {
    for await (const event of answers.follow()) events.push("event" in event ? event.event : event);
  })();
  await isFollowed(writer);
  const before = calls.of(readAnswerScript);
  for (const [index, word] of words.entries()) {
    answer.send(word);
    await vi.waitUntil(() => events.length > index, { interval: 1, timeout: 5_000 });
  }
  const reads = calls.of(readAnswerScript) - before;
  await answer.close();
  await following;
  await writer.close();
  return { reads, events: events.slice(0, words.length) };
}

test("a follower hears events without a read for each", async () => {
  const { reads, events } = await speak(client);
  expect(events).toEqual(words);
  // The one that follows the subscription, and that of the poll, should the machine be that slow.
  expect(reads).toBeLessThan(words.length / 2);
});

test("the control: without events in the message, each takes a read", async () => {
  const hinting = damaged(client, "publishable(fields[7], present + 1, fitting)", "nil");
  const { reads, events } = await speak(hinting);
  expect(events).toEqual(words);
  expect(reads).toBeGreaterThanOrEqual(words.length);
});

test("the process that answers does not receive what it sends, and nobody does without a follower", async () => {
  const answer = await user.begin();
  const stops = answerChannel(user.keys.base, user.id);
  await vi.waitUntil(async () => (await client.pubsub("NUMSUB", stops))[1] === 1);
  expect(await client.pubsub("NUMSUB", channelOf(user))).toEqual([channelOf(user), 0]);
  const messages = await published(user);
  for (const word of words) answer.send(word);
  await answer.close();
  expect(messages).toEqual([]);
});

test("a batch of more than 4 KiB is announced, and read", async () => {
  const messages = await published(user);
  const answer = await user.begin();
  const following = heard((await user.elsewhere()).answers);
  await isFollowed(user);
  const large = "x".repeat(5_000);
  answer.send(large);
  await answer.close();
  expect(await following).toEqual([large, { end: "interrupted" }]);
  expect(new Set(messages)).toEqual(new Set(["events"]));
});

describe("events that are sealed", () => {
  test("are announced, and read", async () => {
    const encryption = keyring({ current: "a", keys: { a: Buffer.alloc(32, 7) } });
    const sealed = await Answering.on(client, { encryption });
    const messages = await published(sealed);
    const answer = await sealed.begin();
    const following = heard(sealed.answers);
    await isFollowed(sealed);
    answer.send("secret");
    await answer.close();
    expect(await following).toEqual(["secret", { end: "interrupted" }]);
    expect(new Set(messages)).toEqual(new Set(["events"]));
    await sealed.close();
  });

  test("are not taken from a message in the clear, which anybody may have published", async () => {
    const encryption = keyring({ current: "a", keys: { a: Buffer.alloc(32, 7) } });
    const sealed = await Answering.on(client, { encryption });
    const answer = await sealed.begin();
    const following = heard(sealed.answers);
    await isFollowed(sealed);
    await client.publish(channelOf(sealed), `events ${answer.begun.run} 1\n"made up"`);
    answer.send("secret");
    await answer.close();
    expect(await following).toEqual(["secret", { end: "interrupted" }]);
    await sealed.close();
  });
});

test("messages that are repeated, come too early, name another answer or say nothing change nothing", async () => {
  const answer = await user.begin();
  const channel = channelOf(user);
  const { run } = answer.begun;
  const following = heard((await user.elsewhere()).answers);
  await isFollowed(user);
  answer.send("one");
  await vi.waitUntil(async () => (await client.llen(user.keys.answer(user.id).events)) === 2);
  const odd = [`events ${run} 1\n"one"`, `events ${run} 9\n"early"`, `events other 2\n"other"`];
  const useless = ["", "events", `events ${run}`, `events ${run} x\n"no"`, `events ${run} 2`, `events ${run} 2x\n"no"`];
  for (const message of [...odd, ...useless]) await client.publish(channel, message);
  answer.send("two");
  await answer.close();
  expect(await following).toEqual(["one", "two", { end: "interrupted" }]);
});

test("a message that is lost leaves no gap: what follows it is read with it", async () => {
  const answer = await user.begin();
  const following = heard((await user.elsewhere()).answers);
  await isFollowed(user);
  const { answer: record } = user.keys.answer(user.id);
  const until = (await client.hget(record, "followed")) ?? "";
  // As long as nobody counts as a follower, nothing is published.
  await client.hset(record, "followed", "0");
  answer.send("one");
  await vi.waitUntil(async () => (await client.llen(user.keys.answer(user.id).events)) === 2);
  await client.hset(record, "followed", until);
  answer.send("two");
  await answer.close();
  expect(await following).toEqual(["one", "two", { end: "interrupted" }]);
});
