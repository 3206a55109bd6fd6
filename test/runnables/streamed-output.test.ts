// What a streamed runnable answers is what it says that its chunks make together.
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { JsonOutputParser, StringOutputParser } from "@langchain/core/output_parsers";
import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
import { RunnableLambda } from "@langchain/core/runnables";
import { BaseTracer, type Run } from "@langchain/core/tracers/base";
import { afterAll, beforeEach, expect, test } from "vitest";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { ScriptedModel } from "../support/scripted-model.js";
import { onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { lines } from "./support/conversation.js";

const client = onOneRedis.connect();
afterAll(() => client.quit());
let sessionId = "";
beforeEach(() => {
  sessionId = freshId();
});
const open = (): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId });
const config = (): { configurable: { sessionId: string } } => ({ configurable: { sessionId } });

const json = '{"answer": "Hello Ada"}';
const prompt = ChatPromptTemplate.fromMessages([new MessagesPlaceholder("history"), ["human", "{input}"]]);
/** Streams objects that grow: each chunk takes the place of the one before. */
const growing = prompt.pipe(new ScriptedModel(() => parts(json))).pipe(new JsonOutputParser<{ answer: string }>());
const chain = new RunnableWithSession<{ input: string }, { answer: string }>({
  runnable: growing as never,
  getMessageHistory: open,
  inputMessagesKey: "input",
  historyMessagesKey: "history",
  outputMessagesKey: "answer",
});

async function* parts(text: string): AsyncGenerator<string> {
  for (const part of text.match(/.{1,3}/gu) ?? []) yield part;
}

class Outputs extends BaseTracer {
  name = "outputs";
  readonly ofRoot: unknown[] = [];
  protected override async persistRun(run: Run): Promise<void> {
    this.ofRoot.push(run.outputs);
  }
}

test("an object that grows is stored as it was in the end, and traced so", async () => {
  const tracer = new Outputs();
  let latest: unknown;
  for await (const chunk of await chain.stream({ input: "Hi" }, { ...config(), callbacks: [tracer] })) latest = chunk;
  expect(latest).toEqual({ answer: "Hello Ada" });
  expect(lines(await open().getMessages())).toEqual(["human: Hi", "ai: Hello Ada"]);
  await expect.poll(() => tracer.ofRoot).toEqual([{ answer: "Hello Ada" }]);
});

test("so it is when the runnable has fallbacks", async () => {
  const tracer = new Outputs();
  const safe = new RunnableWithSession<{ input: string }, { answer: string }>({
    runnable: growing.withFallbacks([growing]) as never,
    getMessageHistory: open,
    inputMessagesKey: "input",
    historyMessagesKey: "history",
    outputMessagesKey: "answer",
  });
  for await (const _part of await safe.stream({ input: "Hi" }, { ...config(), callbacks: [tracer] }));
  expect(lines(await open().getMessages())).toEqual(["human: Hi", "ai: Hello Ada"]);
  await expect.poll(() => tracer.ofRoot).toEqual([{ answer: "Hello Ada" }]);
});

test("streamEvents tells the output as it was in the end, also of a chain around it", async () => {
  const around = chain.pipe(RunnableLambda.from((output: { answer: string }) => output));
  const outputs: unknown[] = [];
  for await (const { event, name, data } of around.streamEvents({ input: "Hi" }, { ...config(), version: "v2" })) {
    if (event === "on_chain_end" && name === "RunnableWithSession") outputs.push(data.output);
  }
  expect(outputs).toEqual([{ answer: "Hello Ada" }]);
});

test("an object that grows is kept as far as it came when its reader leaves", async () => {
  for await (const { answer = "" } of await chain.stream({ input: "Hi" }, config())) if (answer !== "") break;
  const stored = await open().getMessages();
  expect(lines(stored)[1]).toMatch(/^ai!: H(?!H)/u);
});

test("texts and messages are added up as before", async () => {
  for (const runnable of [
    new ScriptedModel(() => parts("Hello Ada")),
    new ScriptedModel(() => parts("Hello Ada")).pipe(new StringOutputParser()),
  ]) {
    const simple = new RunnableWithSession<string, BaseMessage>({
      runnable: runnable as never,
      getMessageHistory: open,
    });
    for await (const _part of await simple.stream("Hi", config()));
  }
  expect(await open().getMessages()).toEqual(expect.arrayContaining([expect.any(AIMessage)]));
  expect(lines(await open().getMessages())).toEqual(["human: Hi", "ai: Hello Ada", "human: Hi", "ai: Hello Ada"]);
});
