// P14 and P2: a copy of a request that runs after its caller went on changes nothing.
import { AIMessage } from "@langchain/core/messages";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { beginAnswerScript } from "../../src/redis/scripts/answer/begin.js";
import { logAnswerScript } from "../../src/redis/scripts/answer/log.js";
import { stopAnswerScript } from "../../src/redis/scripts/answer/stop.js";
import { appendToConversationScript } from "../../src/redis/scripts/conversation/append.js";
import { damaged } from "../past/support/damaged.js";
import { client } from "../support/session-store.js";
import { Answering, heard, reason } from "./support/answering.js";
import { recorded } from "./support/recorded.js";

let calls: ReturnType<typeof recorded>;
let user: Answering;
beforeEach(async () => {
  calls = recorded(client);
  user = await Answering.on(calls.client);
});
afterEach(() => user.close());

/** Controls: with such a fault in the script, the late copy is not refused. */
test.each([
  ["busy", 'remember(operation, digest, "")\n    return { "busy"', 'return { "busy"'],
  ["begun", "remember(operation, digest, recorded)", ""],
])("the control: without the record of one that was %s, its late copy begins", async (what, code, replacement) => {
  const faulty = damaged(client, code, replacement);
  const copies = recorded(faulty);
  const store = new SessionStore({ client: copies.client, keyPrefix: user.keyPrefix });
  const answers = store.answers(user.session);
  const holder = what === "busy" ? await user.begin("holder") : undefined;
  const answer = await reason(answers.begin({ operationId: "late", input: "late" }).then((begun) => begun.close()));
  expect(answer === undefined).toBe(what === "begun");
  await holder?.close();
  await copies.late(beginAnswerScript);
  expect(await client.exists(user.keys.turns(user.id).lease)).toBe(1);
  await store.close();
});

const superseded = { code: "ANSWER_STOPPED", reason: "superseded" };

describe("a late copy of begin", () => {
  test("does not make a run that was stopped run again, and leaves what was kept of it", async () => {
    const answer = await user.begin();
    answer.send("Hel");
    await user.answers.stop();
    await user.store.history(user.session).addMessages([new AIMessage("Hel")]);
    await answer.close();
    const before = await user.stored();
    await calls.late(beginAnswerScript);
    expect(await user.stored()).toEqual(before);
    expect(await heard(user.answers)).toEqual(["Hel", { end: "stopped" }]);
    expect(await user.answers.current()).toBeUndefined();
    expect(await client.exists(user.keys.turns(user.id).lease)).toBe(0);
  });

  test("takes back nothing that a follower was told, and keeps the fence", async () => {
    const answer = await user.begin();
    await user.settle();
    expect(await heard(user.answers)).toEqual([{ end: "interrupted" }]);
    await calls.late(beginAnswerScript);
    expect(await heard(user.answers)).toEqual([{ end: "interrupted" }]);
    const error = await reason(answer.store([new AIMessage("Hello")]));
    expect(error).toMatchObject({ code: "TURN_NOT_STORED", cause: { code: "CONVERSATION_BUSY" } });
    await answer.close();
    expect(await user.stored()).toEqual(["human: Hi"]);
  });

  test("does not bring the question back into a conversation that was cleared", async () => {
    const answer = await user.begin();
    await user.store.history(user.session).clear();
    await calls.late(beginAnswerScript);
    await answer.close();
    expect(await user.stored()).toEqual([]);
    expect(await user.answers.current()).toBeUndefined();
  });

  test("while it runs changes nothing: the question is there once, and its events stay", async () => {
    const answer = await user.begin();
    answer.send("one");
    await expect.poll(() => client.llen(user.keys.answer(user.id).events)).toBe(2);
    await calls.late(beginAnswerScript);
    answer.send("two");
    await answer.store([new AIMessage("Hello")]);
    await answer.close();
    expect(await heard(user.answers)).toEqual(["one", "two", { end: "stored" }]);
    expect(await user.stored()).toEqual(["human: Hi", "ai: Hello"]);
  });

  test("that was busy, gave up or was superseded is not granted later", async () => {
    const answer = await user.begin();
    expect(await reason(user.begin("two", { input: "busy" }))).toMatchObject({ code: "CONVERSATION_BUSY" });
    const waits = { input: "gave up", supersede: true, waitFor: 1 };
    expect(await reason(user.begin("three", waits))).toMatchObject({ code: "CONVERSATION_BUSY" });
    const first = reason(user.begin("four", { input: "superseded", supersede: true }));
    await expect.poll(() => client.get(user.keys.answer(user.id).successor)).toMatch(/^[1-9]/);
    const newest = user.begin("five", { input: "newest", supersede: true });
    expect(await first).toMatchObject(superseded);
    await answer.close();
    await (await newest).close();
    const before = await user.stored();
    expect(before).toEqual(["human: Hi", "human: newest"]);
    for (let place = 0; place < 50; place++) {
      if ((await reason(calls.late(beginAnswerScript, place))) !== undefined) break;
    }
    expect(await user.stored()).toEqual(before);
    expect(await client.exists(user.keys.turns(user.id).lease)).toBe(0);
  });
});

test("a late copy of a batch of events adds nothing, whether the answer goes on, has ended or gave way", async () => {
  const answer = await user.begin();
  answer.send("one");
  await expect.poll(() => client.llen(user.keys.answer(user.id).events)).toBe(2);
  await calls.late(logAnswerScript);
  answer.send("two");
  await answer.store([new AIMessage("Hello")]);
  await answer.close();
  await calls.late(logAnswerScript);
  expect(await heard(user.answers)).toEqual(["one", "two", { end: "stored" }]);
  const next = await user.begin("two", { input: "Else" });
  await calls.late(logAnswerScript);
  next.send("three");
  await next.close();
  expect(await heard(user.answers)).toEqual(["three", { end: "interrupted" }]);
  await user.store.history(user.session).clear();
  await calls.late(logAnswerScript);
  expect(await client.exists(user.keys.answer(user.id).events, user.keys.answer(user.id).answer)).toBe(0);
});

test("a late copy of stop() does not stop the next run", async () => {
  const answer = await user.begin();
  await user.answers.stop();
  await answer.close();
  const next = await user.begin("two", { input: "Else" });
  await calls.late(stopAnswerScript);
  expect(await client.get(user.keys.answer(user.id).stop)).not.toContain(next.begun.token);
  await next.store([new AIMessage("Fine")]);
  await next.close();
  expect(await heard(user.answers)).toEqual([{ end: "stored" }]);
});

test("a stop and a supersede of one run: the first reason counts, and neither is lost", async () => {
  const answer = await user.begin();
  await user.answers.stop();
  const next = user.begin("two", { input: "Else", supersede: true });
  await expect.poll(() => answer.signal.aborted).toBe(true);
  expect(answer.signal.reason).toMatchObject({ code: "ANSWER_STOPPED", reason: "stop" });
  await expect.poll(() => client.get(user.keys.answer(user.id).successor)).toMatch(/^[1-9]/);
  expect(await user.answers.stop()).toBe(true);
  await answer.close();
  await (await next).close();
  expect(await user.stored()).toEqual(["human: Hi", "human: Else"]);
});

test("a late copy of the store of a turn, after it was stored and cleared, stores nothing", async () => {
  const answer = await user.begin();
  await answer.store([new AIMessage("Hello")]);
  await answer.close();
  await calls.late(appendToConversationScript);
  expect(await user.stored()).toEqual(["human: Hi", "ai: Hello"]);
  await user.store.history(user.session).clear();
  await calls.late(appendToConversationScript);
  expect(await user.stored()).toEqual([]);
});

test("an older request that never heard that it gave way is not granted after the newer one was served", async () => {
  const holder = await user.begin();
  // Its tries after the first do not leave it, as when its connection stalls.
  let tries = 0;
  const stalls = new Proxy(calls.client, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (name !== "evalsha") return value;
      return (sha1: string, ...rest: unknown[]) => {
        if (sha1 === beginAnswerScript.sha1 && (tries += 1) > 1) return new Promise(() => {});
        return (value as (...all: unknown[]) => Promise<unknown>)(sha1, ...rest);
      };
    },
  });
  const older = await user.elsewhere(stalls);
  const waits = reason(older.answers.begin({ operationId: "older", input: "older", supersede: true }));
  await expect.poll(() => tries).toBeGreaterThan(1);
  const newer = user.begin("newer", { input: "newer", supersede: true });
  await expect.poll(() => holder.signal.aborted).toBe(true);
  await holder.close();
  await (await newer).close();
  // Of the three begins so far, the older request's first try is the second.
  expect(await calls.late(beginAnswerScript, 1)).toEqual(["superseded"]);
  expect(await user.stored()).toEqual(["human: Hi", "human: newer"]);
  expect(await client.exists(user.keys.turns(user.id).lease)).toBe(0);
  expect(await waits).toMatchObject({ code: "STORE_UNAVAILABLE" });
}, 20_000);
