// What programs do with LangChain's RunnableWithMessageHistory, with that class and with ours: moving from one to the
// other is one changed class name.
import { InMemoryChatMessageHistory } from "@langchain/core/chat_history";
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
import { RunnableLambda, RunnableWithMessageHistory } from "@langchain/core/runnables";
import { FakeListChatModel, FakeStreamingChatModel } from "@langchain/core/utils/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { OfflineChatModel } from "../../examples/offline-model.js";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { lines } from "./support/conversation.js";

let client: Client;
beforeAll(() => {
  client = onOneRedis.connect();
});
afterAll(async () => {
  await client.quit();
});

let sessionId: string;
beforeEach(() => {
  sessionId = freshId();
});
const open = (id = sessionId): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId: id });
const config = (id = sessionId) => ({ configurable: { sessionId: id } });
const stored = async (id?: string): Promise<string[]> => lines(await open(id).getMessages());

const repeatsAllThatWasSaid = (messages: readonly BaseMessage[]): string => {
  const said = messages.filter(({ type }) => type === "human").map(({ text }) => text);
  return `you said: ${said.join("\n")}`;
};

const prompt = ChatPromptTemplate.fromMessages([
  ["system", "You are an assistant who is good at {ability}."],
  new MessagesPlaceholder("history"),
  ["human", "{question}"],
]);

describe.each([
  { name: "RunnableWithMessageHistory", WithHistory: RunnableWithMessageHistory },
  { name: "RunnableWithSession", WithHistory: RunnableWithSession as unknown as typeof RunnableWithMessageHistory },
])("$name", ({ WithHistory }) => {
  test("gives a function the messages of the turns before", async () => {
    const runnable = RunnableLambda.from(repeatsAllThatWasSaid);
    const chain = new WithHistory({ runnable, config: {}, getMessageHistory: open });
    expect(await chain.invoke([new HumanMessage("hello")], config())).toBe("you said: hello");
    expect(await chain.invoke([new HumanMessage("good bye")], config())).toBe("you said: hello\ngood bye");
    expect(await stored()).toEqual([
      "human: hello",
      "ai: you said: hello",
      "human: good bye",
      "ai: you said: hello\ngood bye",
    ]);
  });

  test("gives a chat model the messages of the turns before", async () => {
    const chain = new WithHistory({ runnable: new OfflineChatModel(), getMessageHistory: open });
    await chain.invoke([new HumanMessage("My name is Ada.")], config());
    const answer = await chain.invoke([new HumanMessage("What is my name?")], config());
    expect(answer.text).toBe("Your name is Ada.");
  });

  test("takes one message for a list of one", async () => {
    const runnable = RunnableLambda.from(repeatsAllThatWasSaid);
    const chain = new WithHistory({ runnable, getMessageHistory: open });
    await chain.invoke(new HumanMessage("hello") as unknown as BaseMessage[], config());
    expect(await chain.invoke(new HumanMessage("again") as unknown as BaseMessage[], config())).toBe(
      "you said: hello\nagain",
    );
  });

  test("takes an object, a prompt with a placeholder, and a history of any kind", async () => {
    const histories = new Map<string, InMemoryChatMessageHistory>();
    const getMessageHistory = async (id: string): Promise<InMemoryChatMessageHistory> => {
      const history = histories.get(id) ?? new InMemoryChatMessageHistory();
      histories.set(id, history);
      return history;
    };
    const model = new FakeListChatModel({ responses: ["Cosine is a function.", "Its inverse is arccosine."] });
    const chain = new WithHistory({
      runnable: prompt.pipe(model),
      getMessageHistory,
      inputMessagesKey: "question",
      historyMessagesKey: "history",
    });
    await chain.invoke({ ability: "math", question: "What is cosine?" }, config("foo"));
    await chain.invoke({ ability: "math", question: "Its inverse?" }, config("foo"));
    expect(lines((await histories.get("foo")?.getMessages()) ?? [])).toEqual([
      "human: What is cosine?",
      "ai: Cosine is a function.",
      "human: Its inverse?",
      "ai: Its inverse is arccosine.",
    ]);
  });

  test("stores what stands under outputMessagesKey: a text, a message or a list", async () => {
    for (const output of ["a text", new AIMessage("a message"), [new AIMessage("one"), new AIMessage("two")]]) {
      const chain = new WithHistory({
        runnable: RunnableLambda.from((_input: { input: string }) => ({ answer: output, sources: [] })),
        getMessageHistory: open,
        inputMessagesKey: "input",
        outputMessagesKey: "answer",
        historyMessagesKey: "history",
      });
      await chain.invoke({ input: "Hi" }, config());
    }
    expect(await stored()).toEqual([
      "human: Hi",
      "ai: a text",
      "human: Hi",
      "ai: a message",
      "human: Hi",
      "ai: one",
      "ai: two",
    ]);
  });

  test("streams texts of a chain with a parser", async () => {
    const model = new FakeStreamingChatModel({ sleep: 0, responses: [new AIMessage("Hello Ada")] });
    const chain = new WithHistory({
      runnable: prompt.pipe(model).pipe(new StringOutputParser()),
      getMessageHistory: open,
      inputMessagesKey: "question",
      historyMessagesKey: "history",
    });
    const parts: string[] = [];
    for await (const part of await chain.stream({ ability: "greeting", question: "Hi" }, config())) parts.push(part);
    expect(parts.length).toBeGreaterThan(3);
    expect(parts.join("")).toBe("Hello Ada");
    expect(await stored()).toEqual(["human: Hi", "ai: Hello Ada"]);
  });

  test("runs a batch for several conversations, and keeps them apart", async () => {
    const [ada, bob] = [freshId(), freshId()];
    const runnable = RunnableLambda.from(repeatsAllThatWasSaid);
    const chain = new WithHistory({ runnable, getMessageHistory: open });
    await chain.batch([[new HumanMessage("I am Ada")], [new HumanMessage("I am Bob")]], [config(ada), config(bob)]);
    expect(await chain.batch([[new HumanMessage("a")], [new HumanMessage("b")]], [config(ada), config(bob)])).toEqual([
      "you said: I am Ada\na",
      "you said: I am Bob\nb",
    ]);
  });

  test("streams events of the model inside", async () => {
    const model = new FakeListChatModel({ responses: ["Hello"] });
    const chain = new WithHistory({
      runnable: prompt.pipe(model),
      getMessageHistory: open,
      inputMessagesKey: "question",
      historyMessagesKey: "history",
    });
    const events = chain.streamEvents({ ability: "x", question: "Hi" }, { ...config(), version: "v2" });
    let streamed = "";
    const runs = new Map<string, string>();
    for await (const { event, name, run_id, data } of events) {
      runs.set(name, run_id);
      if (event === "on_chat_model_stream") streamed += (data.chunk as AIMessage).text;
    }
    expect(streamed).toBe("Hello");
    expect(new Set(runs.values()).size, "each run has an id of its own").toBe(runs.size);
    expect(await stored()).toEqual(["human: Hi", "ai: Hello"]);
  });

  test("names the session id when it is missing", async () => {
    const chain = new WithHistory({ runnable: RunnableLambda.from(repeatsAllThatWasSaid), getMessageHistory: open });
    await expect(chain.invoke([new HumanMessage("x")])).rejects.toThrow(/sessionId/);
    await expect(chain.invoke([new HumanMessage("x")], { configurable: {} })).rejects.toThrow(/sessionId/);
  });

  test("is called with the callbacks of its config", async () => {
    const started: string[] = [];
    const chain = new WithHistory({
      runnable: RunnableLambda.from(repeatsAllThatWasSaid),
      getMessageHistory: open,
      config: { callbacks: [{ handleChainStart: (_chain, _inputs, runId) => void started.push(runId) }] },
    });
    await chain.invoke([new HumanMessage("x")], config());
    expect(started.length).toBeGreaterThan(0);
  });
});

test("a chain of ours goes on with withConfig(), which throws in RunnableWithMessageHistory", async () => {
  const runnable = RunnableLambda.from(repeatsAllThatWasSaid);
  const chain = new RunnableWithSession({ runnable, getMessageHistory: open }).withConfig(config());
  await chain.invoke([new HumanMessage("hello")]);
  expect(await chain.invoke([new HumanMessage("good bye")])).toBe("you said: hello\ngood bye");
  const theirs = new RunnableWithMessageHistory({ runnable, getMessageHistory: open });
  await expect(async () => theirs.withConfig(config()).invoke([new HumanMessage("x")])).rejects.toBeInstanceOf(Error);
});
