// P14: following an answer, from anywhere, and again after leaving.
import { getEventListeners } from "node:events";
import { AIMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, test, vi } from "vitest";
import type { AnswerEvent } from "langchain-redis-sessions";
import { freshId } from "../support/turns.js";
import { closingIn } from "../support/closing.js";
import { client } from "../support/session-store.js";
import { heardWarnings } from "../support/warnings.js";
import { all, Answering, heard, reason, said } from "./support/answering.js";

const { keep } = closingIn(afterEach);
const { single, cluster } = inject("servers");
let user: Answering;
beforeEach(async () => {
  user = await Answering.on(client);
});
afterEach(() => user.close());

const words = Array.from({ length: 40 }, (_, index) => `word ${index + 1}`);

test("a follower that leaves after any event and comes back with its id gets exactly the rest, during the answer and afterwards", async () => {
  const answer = await user.begin();
  const other = await user.elsewhere(keep(new Redis(single)));
  const whole = all(other.answers.follow());
  const returning = (async () => {
    const events: AnswerEvent[] = [];
    for (;;) {
      // Leaves after each event.
      for await (const event of other.answers.follow({ after: events.at(-1)?.id })) {
        events.push(event);
        break;
      }
      if ("end" in (events.at(-1) ?? {})) return events;
    }
  })();
  for (const word of words) {
    answer.send(word);
    if (Number(word.slice(5)) % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await answer.store([new AIMessage("words")]);
  await answer.close();
  const events = await whole;
  expect(said(events)).toEqual([...words, { end: "stored" }]);
  expect(await returning).toEqual(events);
  for (const [index, { id }] of events.entries()) {
    const rest = index === events.length - 1 ? events.slice(-1) : events.slice(index + 1);
    expect(await all(user.answers.follow({ after: id }))).toEqual(rest);
  }
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
});

test("any number of followers may share a signal, and its abort ends them: Node warns of no leak", async () => {
  const answer = await user.begin();
  const { answers } = await user.elsewhere();
  const shutdown = new AbortController();
  const warnings = heardWarnings();
  const ended = Promise.all(Array.from({ length: 12 }, () => all(answers.follow({ signal: shutdown.signal }))));
  answer.send("word");
  await vi.waitFor(() => expect(getEventListeners(shutdown.signal, "abort")).toHaveLength(12));
  shutdown.abort();
  await ended;
  expect(getEventListeners(shutdown.signal, "abort")).toEqual([]);
  expect(warnings).toEqual([]);
  await answer.close();
});

test("followers that begin at different times in one process each get all", async () => {
  const answer = await user.begin();
  const { answers } = await user.elsewhere();
  const followers: Promise<unknown[]>[] = [];
  for (const word of words) {
    answer.send(word);
    followers.push(heard(answers));
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  await answer.close();
  for (const follower of followers) expect(await follower).toEqual([...words, { end: "interrupted" }]);
});

test("a signal ends the following without an error, whether nothing comes or events come", async () => {
  const answer = await user.begin();
  const { answers } = await user.elsewhere();
  const stop = new AbortController();
  const followers = [answers.follow({ signal: stop.signal }), user.answers.follow({ signal: stop.signal })];
  answer.send("one");
  for (const events of followers) expect(said([(await events.next()).value as AnswerEvent])).toEqual(["one"]);
  const next = followers.map((events) => events.next());
  stop.abort();
  for (const one of next) expect(await one).toEqual({ done: true, value: undefined });
  expect(await heard(answers, { signal: AbortSignal.abort() })).toEqual([]);
  await answer.close();
});

describe("a session that ends", () => {
  test("in the middle ends its own following, and nobody else's", async () => {
    const answer = await user.begin();
    const ends = await user.elsewhere();
    const stays = await user.elsewhere();
    const refused = reason(heard(ends.answers));
    const others = heard(stays.answers);
    const inOneProcess = [ends.store.answers(user.session)].map((answers) => heard(answers));
    answer.send("one");
    await ends.store.endById(ends.session, ends.session.id);
    expect(await refused).toMatchObject({ code: "SESSION_NOT_FOUND", reason: "ended" });
    answer.send("two");
    await answer.close();
    for (const heardBy of [others, ...inOneProcess]) {
      expect(await heardBy).toEqual(["one", "two", { end: "interrupted" }]);
    }
  });

  test("is noticed by the follower that reads for all, also when no message tells", async () => {
    const answer = await user.begin();
    const { store, answers, session } = await user.elsewhere();
    const mine = reason(heard(answers));
    const other = await store.create({ userId: session.userId, agentId: session.agentId, conversationId: user.id });
    const others = heard(store.answers(other.session));
    answer.send("one");
    // Not by the store: nothing is published.
    await client.zrem(user.keys.sessions, session.id);
    expect(await mine).toMatchObject({ code: "SESSION_NOT_FOUND" });
    answer.send("two");
    await answer.close();
    expect(await others).toEqual(["one", "two", { end: "interrupted" }]);
  });
});

test("an id of another conversation's answer says that it is gone, and shows nothing", async () => {
  const stranger = await Answering.on(client);
  const theirs = await stranger.begin();
  theirs.send("secret");
  const [event] = [await stranger.answers.follow().next()];
  const mine = await user.begin();
  mine.send("own");
  const after = (event.value as AnswerEvent).id;
  expect(await heard(user.answers, { after })).toEqual([{ end: "gone" }]);
  await Promise.all([mine.close(), theirs.close()]);
  await stranger.close();
});

test("an id of this run whose number no event has begins behind the last event", async () => {
  const answer = await user.begin();
  answer.send("one");
  const [first] = [(await user.answers.follow().next()).value as AnswerEvent];
  const rest = heard(user.answers, { after: first.id.replace(/-1$/, "-999") });
  answer.send("two");
  await answer.close();
  expect((await rest).at(-1)).toEqual({ end: "interrupted" });
});

test.each([
  "",
  "x",
  "abcdefghijk",
  "abcdefghijk-",
  "abcdefghijk--1",
  "abcdefghijk-1e3",
  "abcdefghijk-1\n",
  `${freshId()}-1`,
])("the id %j is refused as malformed", async (after) => {
  if (after === "") return expect(await heard(user.answers, { after: undefined })).toEqual([]);
  return expect(heard(user.answers, { after })).rejects.toMatchObject({ code: "INVALID_OPTION" });
});

test("the ends of the eight answers before the latest are known, and ends of earlier ones are gone", async () => {
  const ids: string[] = [];
  for (let number = 0; number < 11; number++) {
    const answer = await user.begin(`${number}`);
    answer.send(number);
    ids.push(((await user.answers.follow().next()).value as AnswerEvent).id);
    if (number % 2 === 0) await answer.store([new AIMessage("yes")]);
    await answer.close();
  }
  const ends = await Promise.all(ids.slice(0, -1).map(async (after) => heard(user.answers, { after })));
  const ended = (number: number): unknown[] => [{ end: number % 2 === 0 ? "stored" : "interrupted" }];
  const gone = [{ end: "gone" }];
  expect(ends).toEqual([gone, gone, ...[2, 3, 4, 5, 6, 7, 8, 9].map(ended)]);
});

test("a follower whose answer gives way to the next one gets its end, and nothing of the next", async () => {
  const answer = await user.begin();
  const { answers } = await user.elsewhere();
  answer.send("one");
  const following = answers.follow();
  await following.next();
  const rest = all(following);
  await answer.close();
  const next = await user.begin("two");
  next.send("two");
  await next.close();
  const events = await rest;
  expect(said(events)).toEqual([{ end: "interrupted" }]);
  expect(events[0]?.id.slice(0, 11)).not.toBe(next.begun.run);
});

test("what others follow is shared on a Cluster, too", async () => {
  const { Cluster } = await import("ioredis");
  const nodes = keep(new Cluster([...cluster]));
  const clustered = await Answering.on(nodes);
  const answer = await clustered.begin();
  const { answers } = await clustered.elsewhere(keep(new Cluster([...cluster])));
  const followers = [heard(answers), heard(clustered.answers)];
  for (const word of words) answer.send(word);
  await answer.store([new AIMessage("words")]);
  await answer.close();
  for (const follower of followers) expect(await follower).toEqual([...words, { end: "stored" }]);
  await clustered.close();
});
