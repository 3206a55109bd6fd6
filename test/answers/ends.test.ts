// P14: an answer has one end, and the script that stores the turn or its parts writes it.
import { AIMessage } from "@langchain/core/messages";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AnswerEvent, Answers } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { hanging, ScriptedModel } from "../support/scripted-model.js";
import { client } from "../support/session-store.js";
import { all, Answering, heard, reason, said } from "./support/answering.js";

let user: Answering;
beforeEach(async () => {
  user = await Answering.on(client);
});
afterEach(() => user.close());

/** Follows until the first event, which has been sent by then, and on in the background. */
async function following(answers: Answers): Promise<{ rest: Promise<AnswerEvent[]> }> {
  const events = answers.follow();
  const first = await events.next();
  expect(first.done).toBe(false);
  return { rest: all(events) };
}

/** The last message of the conversation, by its position. */
const lastPosition = async (): Promise<string | undefined> =>
  (await user.store.conversations.messages(user.session, user.id)).at(-1)?.position;

describe("a turn of a runnable", () => {
  const run = async (
    model: ScriptedModel,
    then: (answers: Answers, abort: AbortController) => Promise<unknown> = async () => {},
    onInterrupt: "keep" | "discard" = "keep",
  ) => {
    const answer = await user.begin();
    const { answers, session, store } = await user.elsewhere();
    answer.send("begun");
    const { rest } = await following(answers);
    const abort = new AbortController();
    const chain = new RunnableWithSession({ runnable: model, sessions: user.store, onInterrupt });
    const configurable = { session: user.session, answer };
    const error = reason(
      (async () => {
        let count = 0;
        for await (const chunk of await chain.stream("Hi", { configurable, signal: abort.signal })) {
          answer.send(chunk.text);
          if (++count === 2) await then(answers, abort);
        }
      })(),
    );
    const thrown = await error;
    await answer.close();
    return { answers, session, store, thrown, events: await rest };
  };

  test("that is stored ends with the position of its last message", async () => {
    const { events, thrown } = await run(new ScriptedModel("Hello there"));
    expect(thrown).toBeUndefined();
    expect(said(events)).toEqual(["Hello ", "there", { end: "stored" }]);
    expect(events.at(-1)).toHaveProperty("position", await lastPosition());
    expect(await user.answers.current()).toBeUndefined();
  });

  test.each(["keep", "discard"] as const)(
    "that fails is interrupted, and offered again, with %s",
    async (onInterrupt) => {
      const broken = new ScriptedModel(async function* () {
        yield "Hel";
        yield "lo";
        throw new Error("out of order");
      });
      const { events, answers } = await run(broken, undefined, onInterrupt);
      expect(said(events)).toEqual(["Hel", "lo", { end: "interrupted" }]);
      expect(await user.stored()).toEqual(onInterrupt === "keep" ? ["human: Hi", "ai!: Hello"] : ["human: Hi"]);
      const current = await answers.current();
      expect(current).toMatchObject({ operationId: "one", state: "interrupted" });
      expect(current?.question.map(({ text }) => text)).toEqual(["Hi"]);
    },
  );

  test.each(["keep", "discard"] as const)("that is aborted is interrupted, with %s", async (onInterrupt) => {
    const { events } = await run(hanging(["Hel", "lo"]), async (_, abort) => abort.abort(), onInterrupt);
    expect(said(events).at(-1)).toEqual({ end: "interrupted" });
    expect(await user.stored()).toEqual(onInterrupt === "keep" ? ["human: Hi", "ai!: Hello"] : ["human: Hi"]);
    expect(await user.answers.current()).toMatchObject({ state: "interrupted" });
  });

  test.each(["keep", "discard"] as const)(
    "that is stopped is stopped, and offered no more, with %s",
    async (onInterrupt) => {
      const { events, thrown } = await run(hanging(["Hel", "lo"]), (answers) => answers.stop(), onInterrupt);
      expect(thrown).toMatchObject({ code: "ANSWER_STOPPED", reason: "stop" });
      expect(said(events).at(-1)).toEqual({ end: "stopped" });
      expect(await user.stored()).toEqual(onInterrupt === "keep" ? ["human: Hi", "ai!: Hello"] : ["human: Hi"]);
      expect(await user.answers.current()).toBeUndefined();
    },
  );

  test("whose session is ended is interrupted: the question stays, what was said does not", async () => {
    const { events, thrown, answers } = await run(hanging(["Hel", "lo"]), () =>
      user.store.endById(user.session, user.session.id),
    );
    expect(thrown).toMatchObject({ code: "SESSION_NOT_FOUND", reason: "ended" });
    expect(said(events).at(-1)).toEqual({ end: "interrupted" });
    const current = await answers.current();
    expect(current).toMatchObject({ operationId: "one", state: "interrupted" });
    // Another session of the user asks again.
    const answer = await answers.begin({ operationId: "one", input: "Hi" });
    await answer.store([new AIMessage("Hello")]);
    await answer.close();
    expect(await heard(answers)).toEqual([{ end: "stored" }]);
  });
});

test("a session that is evicted while its answer is written by hand: the store is refused, and the question stays", async () => {
  const limited = await Answering.on(client, { maxSessionsPerUser: 1 });
  const answer = await limited.begin();
  const { userId, agentId } = limited.session;
  const { session } = await limited.store.create({ userId, agentId, conversationId: limited.id });
  const error = await reason(answer.store([new AIMessage("Hello")]));
  expect(error).toMatchObject({ code: "TURN_NOT_STORED", cause: { code: "SESSION_NOT_FOUND", reason: "evicted" } });
  await answer.close();
  const answers = limited.store.answers(session);
  expect(await heard(answers)).toEqual([{ end: "interrupted" }]);
  expect((await limited.store.history(session).getMessages()).map(({ text }) => text)).toEqual(["Hi"]);
  expect(await answers.current()).toMatchObject({ operationId: "one", state: "interrupted" });
  await limited.close();
});

test("a session that expires stops its answer at the next script", async () => {
  const brief = await Answering.on(client, { idleTimeout: 2 });
  const answer = await brief.begin("one", { lease: 30 });
  const { answers } = await brief.elsewhere();
  const rest = all(answers.follow());
  const aborted = new Promise((resolve) => answer.signal.addEventListener("abort", resolve));
  const record = brief.keys.session(brief.session.id);
  // At once: a script in between would renew the record.
  await client.pexpire(record, 0);
  answer.send("late");
  await aborted;
  expect(answer.signal.reason).toMatchObject({ code: "SESSION_NOT_FOUND" });
  await answer.close();
  expect(said(await rest)).toEqual([{ end: "interrupted" }]);
  await brief.close();
});

describe("gone: an answer whose conversation is", () => {
  const cuts: Record<string, () => Promise<unknown>> = {
    cleared: () => user.store.history(user.session).clear(),
    deleted: () => user.store.conversations.delete(user.session, user.id),
    rewound: async () => {
      const [first] = await user.store.conversations.messages(user.session, user.id);
      await user.store.conversations.rewind(user.session, user.id, { before: first?.position ?? "" });
    },
  };
  test.each(Object.entries(cuts))("%s ends for its followers, and its turn is not stored", async (_, cut) => {
    const answer = await user.begin();
    const { answers } = await user.elsewhere();
    answer.send("Hel");
    const { rest } = await following(answers);
    await cut();
    expect(said(await rest)).toEqual([{ end: "gone" }]);
    answer.send("lo");
    const error = await reason(answer.store([new AIMessage("Hello")]));
    expect(error).toMatchObject({ code: "TURN_NOT_STORED", cause: { code: "CONVERSATION_CHANGED" } });
    await answer.close();
    expect(await user.stored()).toEqual([]);
    expect(await answers.current()).toBeUndefined();
    expect(await heard(answers)).toEqual([]);
    // The producer's end has made nothing anew.
    expect(await client.exists(...Object.values(user.keys.answer(user.id)).slice(0, 2))).toBe(0);
    const next = await answers.begin({ operationId: "two", input: "Anew" });
    await next.store([new AIMessage("Yes?")]);
    await next.close();
    expect(await user.stored()).toEqual(["human: Anew", "ai: Yes?"]);
  });

  test("erased ends the following with the session's end, and nothing of it is left but marks", async () => {
    const answer = await user.begin();
    answer.send("Hel");
    const { rest } = await following((await user.elsewhere()).answers);
    await user.store.eraseUser(user.session);
    expect(await reason(rest)).toMatchObject({ code: "SESSION_NOT_FOUND" });
    expect(await reason(answer.store([new AIMessage("Hello")]))).toMatchObject({ code: "TURN_NOT_STORED" });
    await answer.close();
    const { answer: hash, events } = user.keys.answer(user.id);
    expect(await client.exists(hash, events, user.keys.messages(user.id))).toBe(0);
  });
});
