// P14: an answer in flight without a runnable or agent: begin, send, store, close, follow, current and stop.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Answers } from "langchain-redis-sessions";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { all, Answering, heard, reason, said } from "./support/answering.js";

const callsOf = (answers: Answers): (() => Promise<unknown>)[] => [
  () => answers.begin({ operationId: freshId(), input: "Hi" }),
  () => heard(answers),
  () => answers.current(),
  () => answers.stop(),
];

describe.each([onOneRedis, ...topologies.slice(1, 2), ...topologies.slice(-1)])("on $name", ({ connect }) => {
  let client: Client;
  let user: Answering;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await client.quit();
  });
  beforeEach(async () => {
    user = await Answering.on(client);
  });
  afterEach(() => user.close());

  test("the question is in the conversation at once, and the whole turn once it is stored", async () => {
    const answer = await user.begin("one", { input: "How are you?" });
    expect(await user.stored()).toEqual(["human: How are you?"]);
    answer.send({ text: "Fine" });
    answer.send(", thanks");
    await answer.store([new AIMessage("Fine, thanks")]);
    await answer.close();
    expect(await user.stored()).toEqual(["human: How are you?", "ai: Fine, thanks"]);
    const events = await all(user.answers.follow());
    expect(said(events)).toEqual([{ text: "Fine" }, ", thanks", { end: "stored" }]);
    const messages = await user.store.conversations.messages(user.session, user.id);
    expect(events.at(-1)).toHaveProperty("position", messages[1]?.position);
  });

  test("current() says that it runs, and nothing before and afterwards", async () => {
    expect(await user.answers.current()).toBeUndefined();
    const before = Date.now();
    const answer = await user.begin();
    const [question] = await user.store.conversations.messages(user.session, user.id);
    const current = await user.answers.current();
    expect(current).toMatchObject({ operationId: "one", state: "running", position: question?.position });
    expect(current?.question.map(({ text }) => text)).toEqual(["Hi"]);
    expect(current).not.toHaveProperty("replaces");
    expect(Math.abs(Number(current?.startedAt) - before)).toBeLessThan(60_000);
    await answer.store([new AIMessage("Hello")]);
    expect(await user.answers.current()).toBeUndefined();
    await answer.close();
    expect(await user.answers.current()).toBeUndefined();
  });

  test("a turn whose answer is stored is an OperationConflictError, and changes nothing", async () => {
    const answer = await user.begin();
    await answer.store([new AIMessage("Hello")]);
    await answer.close();
    expect(await reason(user.begin())).toMatchObject({ code: "OPERATION_CONFLICT" });
    await client.del(user.keys.operation("one"));
    expect(await reason(user.begin())).toMatchObject({ code: "OPERATION_CONFLICT" });
    expect(await user.stored()).toEqual(["human: Hi", "ai: Hello"]);
    expect(await heard(user.answers)).toEqual([{ end: "stored" }]);
  });

  test("an answer that is closed without a turn is interrupted; asked again, its question is there once", async () => {
    for (let round = 0; round < 3; round++) {
      const answer = await user.begin();
      answer.send("Hel");
      await answer.close();
      expect(await user.stored()).toEqual(["human: Hi"]);
      expect(await heard(user.answers)).toEqual(["Hel", { end: "interrupted" }]);
      expect(await user.answers.current()).toMatchObject({ operationId: "one", state: "interrupted" });
    }
    const answer = await user.begin();
    await answer.store([new AIMessage("Hello")]);
    await answer.close();
    expect(await user.stored()).toEqual(["human: Hi", "ai: Hello"]);
    expect(await user.answers.current()).toBeUndefined();
  });

  test("a request that comes while another runs is a ConversationBusyError with that one's operation id", async () => {
    const answer = await user.begin();
    for (const operationId of ["one", "two"]) {
      const error = await reason(user.begin(operationId));
      expect(error).toMatchObject({ code: "CONVERSATION_BUSY", operationId: "one" });
    }
    expect(await user.stored()).toEqual(["human: Hi"]);
    await answer.store([new AIMessage("Hello")]);
    await answer.close();
    await (await user.begin("two")).close();
    expect(await user.stored()).toEqual(["human: Hi", "ai: Hello", "human: Hi"]);
  });

  test("an interrupted question that other turns follow is no longer offered, and can be asked again", async () => {
    await (await user.begin()).close();
    await user.store.history(user.session).addMessages([new HumanMessage("Again"), new AIMessage("Yes?")]);
    expect(await user.answers.current()).toBeUndefined();
    const answer = await user.begin();
    await answer.store([new AIMessage("Hello")]);
    await answer.close();
    expect(await user.stored()).toEqual(["human: Hi", "human: Again", "ai: Yes?", "human: Hi", "ai: Hello"]);
  });

  test("stop() in another store ends the answer: its signal aborts, and what it stores then is kept as it is", async () => {
    const answer = await user.begin();
    const aborted = new Promise((resolve) => answer.signal.addEventListener("abort", resolve));
    const { answers } = await user.elsewhere();
    expect(await answers.stop()).toBe(true);
    await aborted;
    expect(answer.signal.reason).toMatchObject({ code: "ANSWER_STOPPED", reason: "stop" });
    await answer.close();
    expect(await heard(answers)).toEqual([{ end: "stopped" }]);
    expect(await answers.current()).toBeUndefined();
    expect(await user.stored()).toEqual(["human: Hi"]);
  });

  test("a stop that comes before the answer's subscription stands is heard long before its lease is renewed", async () => {
    const answer = await user.begin();
    const aborted = new Promise((resolve) => answer.signal.addEventListener("abort", resolve));
    expect(await user.answers.stop()).toBe(true);
    await aborted;
    await answer.close();
    expect(await heard(user.answers)).toEqual([{ end: "stopped" }]);
  }, 6_000);

  test("stop() with another operation id, or when nothing runs, does nothing and says so", async () => {
    expect(await user.answers.stop()).toBe(false);
    const answer = await user.begin();
    expect(await user.answers.stop({ operationId: "two" })).toBe(false);
    expect(answer.signal.aborted).toBe(false);
    expect(await user.answers.stop({ operationId: "one" })).toBe(true);
    await answer.close();
    expect(await user.answers.stop()).toBe(false);
  });

  test("a conversation without an answer is followed to its end at once, without an event", async () => {
    expect(await heard(user.answers)).toEqual([]);
    const answer = await user.begin();
    expect(await heard(user.answers, { operationId: "two" })).toEqual([]);
    await answer.close();
  });

  test("ids of events never repeat from run to run, and an earlier run's id yields that run's end", async () => {
    const first = await user.begin();
    first.send("Hel");
    await first.close();
    const [event, end] = await all(user.answers.follow());
    const second = await user.begin("two");
    second.send("lo");
    await second.store([new AIMessage("lo")]);
    await second.close();
    const later = await all(user.answers.follow());
    expect(new Set([event?.id, end?.id, ...later.map(({ id }) => id)]).size).toBe(4);
    for (const after of [event?.id, end?.id]) {
      expect(await all(user.answers.follow({ after }))).toEqual([{ id: end?.id, end: "interrupted" }]);
    }
    expect(await all(user.answers.follow({ after: later[0]?.id }))).toEqual(later.slice(1));
    expect(await all(user.answers.follow({ after: later[1]?.id }))).toEqual(later.slice(1));
    expect(await heard(user.answers, { after: "abcdefghijk-1" })).toEqual([{ end: "gone" }]);
    await expect(heard(user.answers, { after: "1" })).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });

  test("an answer of a session that has ended is refused, and so is following, stopping and looking", async () => {
    const answer = await user.begin();
    await answer.close();
    await user.store.end(user.token);
    const ended = { code: "SESSION_NOT_FOUND", reason: "ended" };
    for (const call of callsOf(user.answers)) {
      expect(await reason(call())).toMatchObject(ended);
    }
  });

  test("an answer in a conversation of another agent is refused", async () => {
    const answer = await user.begin();
    const { userId } = user.session;
    const other = await user.store.create({ userId, agentId: "other" });
    const answers = user.store.answers({ ...other.session, conversationId: user.id });
    for (const call of callsOf(answers)) {
      expect(await reason(call())).toMatchObject({ code: "CONVERSATION_NOT_FOUND" });
    }
    await answer.close();
  });
});
