// P16 with P14: an answer that is to replace a user's message leaves the old past until its turn is stored.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { createAgent } from "langchain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Answer } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { lines } from "../runnables/support/conversation.js";
import { answering, hanging, ScriptedModel } from "../support/scripted-model.js";
import { client } from "../support/session-store.js";
import { Answering, heard, reason } from "./support/answering.js";

const old = ["human: one", "ai: first", "human: two", "ai: second"];
let user: Answering;
let replaces: string;
beforeEach(async () => {
  user = await Answering.on(client);
  const past = ["one", "first", "two", "second"];
  await user.store
    .history(user.session)
    .addMessages(past.map((text, index) => (index % 2 === 0 ? new HumanMessage(text) : new AIMessage(text))));
  replaces = (await user.store.conversations.messages(user.session, user.id))[2]?.position ?? "";
});
afterEach(() => user.close());
const begin = (operationId = "edit"): Promise<Answer> => user.begin(operationId, { input: "two!", replaces });

type OnInterrupt = "keep" | "discard";
type Run = (model: ScriptedModel, answer: Answer, onInterrupt?: OnInterrupt) => Promise<unknown>;
const kinds: Record<string, Run> = {
  "a runnable": async (runnable, answer, onInterrupt = "keep") => {
    const chain = new RunnableWithSession({ runnable, sessions: user.store, onInterrupt });
    for await (const chunk of await chain.stream("two!", { configurable: { session: user.session, answer } })) {
      answer.send(chunk.text);
    }
  },
  ...Object.fromEntries(
    (["turn", "step"] as const).map((persist): [string, Run] => [
      `an agent that stores each ${persist}`,
      async (model, answer, onInterrupt = "keep") => {
        const middleware = [sessionMiddleware({ sessions: user.store, persist, onInterrupt })];
        const agent = createAgent({ model, tools: [], middleware });
        const input = { messages: [new HumanMessage("two!")] };
        const call = agent.stream(input, { context: { session: user.session, answer }, streamMode: "messages" });
        for await (const [chunk] of await call) answer.send(chunk.text);
      },
    ]),
  ),
};
const edited = ["human: one", "ai: first", "human: two!", "ai: re: two!"];

describe.each(Object.entries(kinds))("%s", (_, run) => {
  test("is shown what is in front of the message, and takes its place when it is stored", async () => {
    const answer = await begin();
    expect(await user.stored()).toEqual(old);
    const current = await user.answers.current();
    expect(current).toMatchObject({ operationId: "edit", state: "running", replaces });
    expect(current).not.toHaveProperty("position");
    expect(current?.question.map(({ text }) => text)).toEqual(["two!"]);
    const model = answering();
    await run(model, answer);
    await answer.close();
    expect(model.given.map(lines)).toEqual([["human: one", "ai: first", "human: two!"]]);
    expect(await user.stored()).toEqual(edited);
    expect((await heard(user.answers)).at(-1)).toEqual({ end: "stored" });
    expect(await user.answers.current()).toBeUndefined();
    expect(await reason(begin())).toMatchObject({ code: "OPERATION_CONFLICT" });
  });

  test.each(["keep", "discard"] as const)(
    "that fails leaves the old past, is offered, and repeated, with %s",
    async (onInterrupt) => {
      for (let round = 0; round < 2; round++) {
        const answer = await begin();
        const broken = new ScriptedModel(async function* () {
          yield "Hel";
          throw new Error("out of order");
        });
        expect(await reason(run(broken, answer, onInterrupt))).toBeInstanceOf(Error);
        await answer.close();
        expect((await heard(user.answers)).at(-1)).toEqual({ end: "interrupted" });
        expect(await user.stored()).toEqual(old);
        const current = await user.answers.current();
        expect(current).toMatchObject({ operationId: "edit", state: "interrupted", replaces });
        expect(current?.question.map(({ text }) => text)).toEqual(["two!"]);
      }
      const answer = await begin();
      await run(answering(), answer, onInterrupt);
      await answer.close();
      expect(await user.stored()).toEqual(edited);
    },
  );

  test.each(["keep", "discard"] as const)(
    "that is stopped replaces with what there is, or nothing: %s",
    async (onInterrupt) => {
      const answer = await begin();
      const model = hanging(["Hel", "lo"]);
      const stopped = reason(run(model, answer, onInterrupt));
      await expect.poll(() => client.llen(user.keys.answer(user.id).events)).toBe(3);
      expect(await user.answers.stop()).toBe(true);
      expect(await stopped).toBeInstanceOf(Error);
      await answer.close();
      const kept = ["human: one", "ai: first", "human: two!", "ai!: Hello"];
      expect(await user.stored()).toEqual(onInterrupt === "keep" ? kept : old);
      expect((await heard(user.answers)).at(-1)).toEqual({ end: "stopped" });
      expect(await user.answers.current()).toBeUndefined();
    },
  );

  test("whose conversation has changed meanwhile is not stored", async () => {
    const answer = await begin();
    await user.store.history(user.session).addMessages([new HumanMessage("three"), new AIMessage("third")]);
    const error = await reason(run(answering(), answer));
    expect(error).toBeInstanceOf(Error);
    await answer.close();
    expect(await user.stored()).toEqual([...old, "human: three", "ai: third"]);
    expect((await heard(user.answers)).at(-1)).toEqual({ end: "failed" });
    expect(await user.answers.current()).toBeUndefined();
  });
});

test("by hand: store() takes the place of the message, and a killed process leaves the old past", async () => {
  const answer = await begin();
  await user.settle();
  expect(await user.answers.current()).toMatchObject({ operationId: "edit", state: "interrupted", replaces });
  expect(await user.stored()).toEqual(old);
  expect(await reason(answer.store([new AIMessage("re: two!")]))).toMatchObject({ code: "TURN_NOT_STORED" });
  await answer.close();
  const again = await begin();
  await again.store([new AIMessage("re: two!")]);
  await again.close();
  expect(await user.stored()).toEqual(edited);
});

test("a position that is gone, foreign or not of a user's message is refused, and nothing is changed", async () => {
  const messages = await user.store.conversations.messages(user.session, user.id);
  const before = await user.left();
  const at = (position: string) => reason(user.begin("edit", { input: "two!", replaces: position }));
  expect(await at(messages[1]?.position ?? "")).toMatchObject({ code: "INVALID_OPTION" });
  expect(await at("1-2")).toMatchObject({ code: "POSITION_NOT_FOUND" });
  expect(await user.left()).toEqual(before);
  expect(await user.stored()).toEqual(old);
});
