// P14: what an answer does not go with is refused before anything is asked or stored.
import { HumanMessage } from "@langchain/core/messages";
import { createAgent } from "langchain";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Answer, InvalidOptionError, RedisChatMessageHistory } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { answering, type ScriptedModel } from "../support/scripted-model.js";
import { client } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { Answering, heard, reason } from "./support/answering.js";

let user: Answering;
let model: ScriptedModel;
beforeEach(async () => {
  user = await Answering.on(client);
  model = answering();
});
afterEach(() => user.close());

type Given = { answer?: unknown; session?: unknown; operationId?: string; replaces?: string };
const ways = {
  "a runnable": (given: Given, text = "Hi") =>
    new RunnableWithSession({ runnable: model, sessions: user.store }).invoke(text, {
      configurable: { session: user.session, ...given },
    }),
  "an agent": (given: Given, text = "Hi") =>
    createAgent({ model, tools: [], middleware: [sessionMiddleware({ sessions: user.store })] }).invoke(
      { messages: [new HumanMessage(text)] },
      { context: { session: user.session, ...given } as never },
    ),
};
/** The error, as langchain passes it on. */
const thrown = async (work: Promise<unknown>): Promise<unknown> => {
  const error = await reason(work);
  return error instanceof InvalidOptionError ? error : ((error as Error | undefined)?.cause ?? error);
};

const wrong: readonly [string, (answer: Answer) => Promise<[Given, string?]>][] = [
  ["another input", async (answer) => [{ answer }, "What else?"]],
  ["an operation id of its own", async (answer) => [{ answer, operationId: "two" }]],
  ["a position to replace", async (answer) => [{ answer, replaces: "0-0" }]],
  ["a promise of an answer", async (answer) => [{ answer: Promise.resolve(answer) }]],
  ["an answer that is none", async () => [{ answer: {} }]],
  [
    "another user's session",
    async (answer) => [
      { answer, session: (await user.store.create({ userId: freshId(), agentId: "assistant" })).session },
    ],
  ],
  [
    "the user's session of another conversation",
    async (answer) => {
      const { userId, agentId } = user.session;
      return [{ answer, session: (await user.store.create({ userId, agentId })).session }];
    },
  ],
];

for (const [way, run] of Object.entries(ways)) {
  test.each(wrong)(
    `${way} refuses %s beside an answer, asks no model, and leaves the answer as it is`,
    async (_, of) => {
      const answer = await user.begin();
      const [given, text] = await of(answer);
      expect(await thrown(run(given, text))).toMatchObject({ code: "INVALID_OPTION" });
      expect(model.given).toEqual([]);
      expect(await user.stored()).toEqual(["human: Hi"]);
      expect(await user.answers.current()).toMatchObject({ state: "running" });
      await run({ answer });
      await answer.close();
      expect(await user.stored()).toEqual(["human: Hi", "ai: re: Hi"]);
      expect(await heard(user.answers)).toEqual([{ end: "stored" }]);
    },
  );

  test(`${way} takes an answer once, and none that is closed`, async () => {
    const answer = await user.begin();
    await run({ answer });
    expect(await thrown(run({ answer }))).toMatchObject({ code: "INVALID_OPTION" });
    await answer.close();
    const closed = await user.begin("two");
    await closed.close();
    expect(await thrown(run({ answer: closed }))).toMatchObject({ code: "INVALID_OPTION" });
    expect(model.given).toHaveLength(1);
    expect(await user.stored()).toEqual(["human: Hi", "ai: re: Hi", "human: Hi"]);
  });

  test(`${way} takes the answer's own operation id, and another session of the user on that conversation`, async () => {
    const answer = await user.begin();
    const { session } = await user.elsewhere();
    await run({ answer, session, operationId: "one" });
    await answer.close();
    expect(await user.stored()).toEqual(["human: Hi", "ai: re: Hi"]);
  });
}

test("a runnable over a history on its own refuses an answer", async () => {
  const answer = await user.begin();
  const chain = new RunnableWithSession({
    runnable: model,
    getMessageHistory: (sessionId) => new RedisChatMessageHistory({ client, sessionId }),
  });
  const configurable = { sessionId: freshId(), session: user.session, answer };
  expect(await reason(chain.invoke("Hi", { configurable }))).toMatchObject({ code: "INVALID_OPTION" });
  await answer.close();
});

const malformed: readonly [string, Record<string, unknown>][] = [
  ["no operation id", { input: "Hi", operationId: undefined }],
  ["an empty operation id", { operationId: "" }],
  ["an empty list", { input: [] }],
  ["a message that is none", { input: [{ colour: "red" }] }],
  ["an unknown option", { wait: true }],
  ["a window that is none", { window: "soon" }],
  ["a lease of two days", { lease: "2d" }],
  ["no bytes", { maxBytes: -1 }],
  ["a malformed position", { replaces: "first" }],
  ["a position without a question", { replaces: "0-0", input: undefined }],
];
test.each(malformed)("begin() refuses %s, and nothing is written", async (_, options) => {
  const before = await user.left();
  expect(await reason((async () => user.begin("one", options))())).toMatchObject({ code: "INVALID_OPTION" });
  expect(await user.left()).toEqual(before);
});

test("send() refuses what JSON cannot hold, and sends nothing of it", async () => {
  const answer = await user.begin();
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  for (const value of [undefined, () => 1, 1n, cyclic, Symbol("one")]) {
    expect(() => answer.send(value)).toThrow(InvalidOptionError);
  }
  answer.send("truncated");
  answer.send(null);
  answer.send("missed");
  await answer.close();
  expect(await heard(user.answers)).toEqual(["truncated", null, "missed", { end: "interrupted" }]);
});
