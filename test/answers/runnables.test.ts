// P14: RunnableWithSession goes on with an answer in flight.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Answer } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { lines } from "../runnables/support/conversation.js";
import { answering, hanging, ScriptedModel } from "../support/scripted-model.js";
import { client } from "../support/session-store.js";
import { Answering, heard, reason } from "./support/answering.js";

let user: Answering;
beforeEach(async () => {
  user = await Answering.on(client);
});
afterEach(() => user.close());

const prompt = ChatPromptTemplate.fromMessages([new MessagesPlaceholder("history"), ["human", "{input}"]]);
const graphOf = (model: ScriptedModel, checkpointer?: MemorySaver) =>
  new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
    .addEdge(START, "model")
    .compile(checkpointer && { checkpointer });

interface Kind {
  readonly name: string;
  readonly of: (model: ScriptedModel) => RunnableWithSession<never, unknown>;
  readonly input: (text: string) => unknown;
}

const kinds: readonly Kind[] = [
  {
    name: "a model",
    of: (runnable) => new RunnableWithSession({ runnable, sessions: user.store }) as never,
    input: (text) => text,
  },
  {
    name: "a prompt and a model",
    of: (model) =>
      new RunnableWithSession({
        runnable: prompt.pipe(model),
        sessions: user.store,
        inputMessagesKey: "input",
        historyMessagesKey: "history",
      }) as never,
    input: (input) => ({ input }),
  },
  ...[false, true].map((keeps): Kind => ({
    name: keeps ? "a graph with a checkpointer" : "a graph",
    of: (model: ScriptedModel) =>
      new RunnableWithSession({
        runnable: graphOf(model, keeps ? new MemorySaver() : undefined),
        sessions: user.store,
        inputMessagesKey: "messages",
        outputMessagesKey: "messages",
      }) as never,
    input: (text: string) => ({ messages: [new HumanMessage(text)] }),
  })),
];

describe.each(kinds)("over $name:", ({ of, input }) => {
  const config = (answer: Answer) => ({ configurable: { session: user.session, thread_id: user.id, answer } });
  const ways = {
    invoke: async (chain: RunnableWithSession<never, unknown>, answer: Answer, text: string) => {
      await chain.invoke(input(text) as never, config(answer));
    },
    stream: async (chain: RunnableWithSession<never, unknown>, answer: Answer, text: string) => {
      for await (const _chunk of await chain.stream(input(text) as never, config(answer))) answer.send("chunk");
    },
  };

  test.each(Object.entries(ways))(
    "with %s the model is shown the question once, and the turn is stored once, with its end",
    async (_, run) => {
      await user.store.history(user.session).addMessages([new HumanMessage("Ada here"), new AIMessage("Hello Ada")]);
      const model = answering();
      const answer = await user.begin();
      const before = ["human: Ada here", "ai: Hello Ada"];
      expect(await user.stored()).toEqual([...before, "human: Hi"]);
      await run(of(model), answer, "Hi");
      expect(model.given.map(lines)).toEqual([[...before, "human: Hi"]]);
      expect(await user.stored()).toEqual([...before, "human: Hi", "ai: re: Hi"]);
      expect(await user.answers.current()).toBeUndefined();
      await answer.close();
      expect((await heard(user.answers)).at(-1)).toEqual({ end: "stored" });
      expect(await reason(user.begin())).toMatchObject({ code: "OPERATION_CONFLICT" });
    },
  );

  test("a failed request that is repeated asks its question once, and shows the model nothing of the failed run", async () => {
    const broken = new ScriptedModel(async function* () {
      yield "Hel";
      throw new Error("out of order");
    });
    for (let round = 0; round < 3; round++) {
      const answer = await user.begin();
      const run = ways[round === 1 ? "stream" : "invoke"](of(broken), answer, "Hi");
      expect(String(await reason(run))).toContain("out of order");
      await answer.close();
      expect((await heard(user.answers)).at(-1)).toEqual({ end: "interrupted" });
      expect(await user.answers.current()).toMatchObject({ operationId: "one", state: "interrupted" });
      expect((await user.stored())[0]).toBe("human: Hi");
    }
    expect(broken.given.map(lines)).toEqual([["human: Hi"], ["human: Hi"], ["human: Hi"]]);
    const model = answering();
    const answer = await user.begin();
    await ways.invoke(of(model), answer, "Hi");
    await answer.close();
    expect(model.given.map(lines)).toEqual([["human: Hi"]]);
    expect(await user.stored()).toEqual(["human: Hi", "ai: re: Hi"]);
  });

  test("a stop in the middle of a stream ends it with an AnswerStoppedError, and keeps the part that there is", async () => {
    const answer = await user.begin();
    const chain = of(hanging(["Hel", "lo"]));
    const { answers } = await user.elsewhere();
    const run = (async () => {
      let count = 0;
      const stream = await chain.stream(input("Hi") as never, { ...config(answer), streamMode: "messages" });
      for await (const _chunk of stream) if (++count === 2) await answers.stop();
    })();
    expect(await reason(run)).toMatchObject({ code: "ANSWER_STOPPED", reason: "stop" });
    await answer.close();
    expect(await user.stored()).toEqual(["human: Hi", "ai!: Hello"]);
    expect(await heard(answers)).toEqual([{ end: "stopped" }]);
    expect(await answers.current()).toBeUndefined();
  });

  test("close() in the middle of a stream interrupts the turn, and waits until the part is stored", async () => {
    const answer = await user.begin();
    const stream = await of(hanging(["Hel", "lo"])).stream(
      input("Hi") as never,
      { ...config(answer), streamMode: "messages" } as never,
    );
    const reader = stream[Symbol.asyncIterator]();
    await reader.next();
    await reader.next();
    const next = reason(reader.next());
    await answer.close();
    expect((await user.stored())[0]).toBe("human: Hi");
    expect(await user.stored()).toEqual(["human: Hi", "ai!: Hello"]);
    expect(await heard(user.answers)).toEqual([{ end: "interrupted" }]);
    expect(await user.answers.current()).toMatchObject({ state: "interrupted" });
    expect(await next).toBeInstanceOf(Error);
  });
});

test("a window shows the model the past in front of the question, and the question", async () => {
  const past = ["one", "two", "three"].flatMap((text) => [new HumanMessage(text), new AIMessage(`re: ${text}`)]);
  await user.store.history(user.session).addMessages(past);
  const { keyPrefix } = user;
  const windowed = await Answering.on(client, { keyPrefix, window: { messages: 2 } });
  const store = windowed.store;
  const model = answering();
  const answer = await store.answers(user.session).begin({ operationId: "one", input: "Hi" });
  await new RunnableWithSession({ runnable: model, sessions: store }).invoke("Hi", {
    configurable: { session: user.session, answer },
  });
  await answer.close();
  expect(model.given.map(lines)).toEqual([["human: three", "ai: re: three", "human: Hi"]]);
  await windowed.close();
});
