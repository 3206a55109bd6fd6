// Whatever BufferMemory accepts, SessionMemory accepts: both side by side, each over a history of its own.
import { LLMChain } from "@langchain/classic/chains";
import { BufferMemory, type BufferMemoryInput } from "@langchain/classic/memory";
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { PromptTemplate } from "@langchain/core/prompts";
import { describe, expect, test } from "vitest";
import { RedisChatMessageHistory, LangChainRedisError, TurnNotStoredError } from "langchain-redis-sessions";
import { SessionMemory } from "langchain-redis-sessions/chains";
import { answering } from "../support/scripted-model.js";
import { client } from "../support/session-store.js";
import { freshId, turn } from "../support/turns.js";

type Values = Record<string, unknown>;
type Fields = Omit<BufferMemoryInput, "chatHistory">;

function open(sessionId: string): RedisChatMessageHistory {
  return new RedisChatMessageHistory({ client, sessionId });
}

function pair(fields: Fields = {}) {
  const [theirs, ours] = [freshId(), freshId()];
  return {
    ids: [theirs, ours],
    theirs: new BufferMemory({ ...fields, chatHistory: open(theirs) }),
    ours: new SessionMemory({ ...fields, chatHistory: open(ours) }),
  };
}

const outcomeOf = async <Value>(work: () => Promise<Value>): Promise<{ value?: Value; error?: unknown }> =>
  work().then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
const said = (messages: readonly BaseMessage[]): unknown => messages.map(({ type, content }) => ({ type, content }));
const stored = async (id = ""): Promise<unknown> => said(await open(id).getMessages());

describe("loadMemoryVariables() returns what that of BufferMemory returns", () => {
  const fields: [what: string, fields: Fields][] = [
    ["nothing", {}],
    ["returnMessages", { returnMessages: true }],
    ["prefixes", { humanPrefix: "Ada", aiPrefix: "Bot" }],
    ["empty prefixes", { humanPrefix: "", aiPrefix: "" }],
    ["names", { memoryKey: "past", inputKey: "question", outputKey: "text" }],
  ];
  const values: [what: string, values: Values | undefined | null][] = [
    ["nothing", {}],
    ["no object", undefined],
    ["null", null],
    ["one value", { input: "Hi" }],
    ["several values", { question: "Hi", language: "fr", context: ["a"] }],
    ["the memory's own", { input: "Hi", history: "Human: x", past: "Human: x" }],
    ["only the memory's own", { history: "Human: x" }],
    ["values that are nothing", { input: undefined, question: null }],
    ["a message", { input: new HumanMessage("Hi") }],
    ["numbers and objects", { input: 0, other: { a: 1 } }],
  ];
  test.each(fields.flatMap(([name, given]) => values.map(([what, one]) => [what, name, one, given] as const)))(
    "for %s, with %s set",
    async (_what, _name, one, given) => {
      const { ids, theirs, ours } = pair(given);
      for (const id of ids) await open(id).addMessages(turn("Hi"));
      const [expected, loaded] = [
        await theirs.loadMemoryVariables(one as Values),
        await ours.loadMemoryVariables(one as Values),
      ];
      const key = given.memoryKey ?? "history";
      expect(Object.keys(loaded)).toEqual([key]);
      if (given.returnMessages)
        expect(said(loaded[key] as BaseMessage[])).toEqual(said(expected[key] as BaseMessage[]));
      else expect(loaded).toEqual(expected);
      expect(ours.memoryKeys).toEqual(theirs.memoryKeys);
    },
  );
});

const blocks = [
  { type: "text", text: "What is this?" },
  { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } },
];

describe("saveContext() stores what that of BufferMemory stores", () => {
  test.each<[what: string, inputs: Values, outputs: Values, fields?: Fields]>([
    ["one value of each", { input: "Hi" }, { output: "Hello" }],
    ["values of any name", { anything: "Hi" }, { whatever: "Hello" }],
    ["named ones of several", { a: "Hi", b: "x" }, { c: "Hello", d: "y" }, { inputKey: "a", outputKey: "c" }],
    ["a named input, the only output", { a: "Hi", b: "x" }, { c: "Hello" }, { inputKey: "a" }],
    ["the only input, a named output", { a: "Hi" }, { c: "Hello", d: "y" }, { outputKey: "c" }],
    [
      "what an AgentExecutor returns",
      { input: "Hi" },
      { output: "Hello", intermediateSteps: [{ action: {} }] },
      { outputKey: "output" },
    ],
    ["the memory's own value, if there is no other", { history: "Hi" }, { output: "Hello" }],
    [
      "the memory's own value, if it is named",
      { history: "Hi", input: "x" },
      { output: "Hello" },
      { inputKey: "history" },
    ],
    ["an answer of the memory's name", { input: "Hi" }, { history: "Hello" }],
    ["messages", { input: new HumanMessage("Hi") }, { output: new AIMessage("Hello") }],
    ["blocks of content", { input: blocks }, { output: [{ type: "text", text: "A dot." }] }],
    ["the fields of a message", { input: { content: "Hi", name: "ada" } }, { output: { content: blocks } }],
    ["an empty answer", { input: "Hi" }, { output: "" }],
    ["white space", { input: " " }, { output: "\n" }],
  ])("%s", async (_what, inputs, outputs, fields) => {
    const { ids, theirs, ours } = pair(fields);
    await theirs.saveContext(inputs, outputs);
    await ours.saveContext(inputs, outputs);
    expect(await stored(ids[1])).toEqual(await stored(ids[0]));
    expect(await ours.loadMemoryVariables({})).toEqual(await theirs.loadMemoryVariables({}));
    await theirs.clear();
    await ours.clear();
    expect(await stored(ids[1])).toEqual([]);
    expect(await ours.loadMemoryVariables({})).toEqual(await theirs.loadMemoryVariables({}));
  });

  test("what it cannot keep is kept: objects as JSON, several messages as such", async () => {
    const { ids, ours } = pair();
    await ours.saveContext({ input: { question: "Hi" } }, { output: [new AIMessage("One"), new AIMessage("Two")] });
    expect(await stored(ids[1])).toEqual([
      { type: "human", content: '{"question":"Hi"}' },
      { type: "ai", content: "One" },
      { type: "ai", content: "Two" },
    ]);
  });
});

describe("where saveContext() of BufferMemory throws", () => {
  test.each<[what: string, inputs: unknown, outputs: unknown, fields: Fields, option: string]>([
    ["no input", {}, { output: "Hello" }, {}, "inputKey"],
    ["no object of inputs", undefined, { output: "Hello" }, {}, "inputKey"],
    ["several inputs", { a: "Hi", b: "x" }, { output: "Hello" }, {}, "inputKey"],
    ["an input that is undefined", { input: undefined }, { output: "Hello" }, {}, "inputKey"],
    ["an input that is null", { input: null }, { output: "Hello" }, {}, "inputKey"],
    ["a named input that is not there", { a: "Hi" }, { output: "Hello" }, { inputKey: "b" }, "inputKey"],
    ["no output", { input: "Hi" }, {}, {}, "outputKey"],
    ["no object of outputs", { input: "Hi" }, null, {}, "outputKey"],
    ["several outputs", { input: "Hi" }, { a: "x", b: "y" }, {}, "outputKey"],
    ["an output that is undefined", { input: "Hi" }, { output: undefined }, {}, "outputKey"],
    ["an output that is null", { input: "Hi" }, { output: null }, {}, "outputKey"],
    ["a named output that is not there", { input: "Hi" }, { a: "x" }, { outputKey: "b" }, "outputKey"],
  ])("a typed error names the field, and holds the output: %s", async (_what, inputs, outputs, fields, option) => {
    const { ids, theirs, ours } = pair(fields);
    await expect(theirs.saveContext(inputs as Values, outputs as Values)).rejects.toThrow(Error);
    const { error } = await outcomeOf(() => ours.saveContext(inputs as Values, outputs as Values));
    expect(error).toBeInstanceOf(TurnNotStoredError);
    expect(error).toMatchObject({ output: outputs, cause: { code: "INVALID_OPTION", option } });
    expect(await stored(ids[1])).toEqual([]);
  });

  test.each<[what: string, inputs: Values, outputs: Values]>([
    ["an empty input", { input: "" }, { output: "Hello" }],
    ["numbers", { input: 5 }, { output: 0 }],
    ["a value besides the memory's own", { input: "Hi", history: "Human: x" }, { output: "Hello" }],
  ])("ours may still store: %s", async (_what, inputs, outputs) => {
    const { ids, theirs, ours } = pair();
    await expect(theirs.saveContext(inputs, outputs)).rejects.toThrow(Error);
    await ours.saveContext(inputs, outputs);
    expect(await open(ids[1] ?? "").length()).toBe(2);
  });
});

test("an LLMChain whose inputs do not tell what was said runs, and its answer is not lost", async () => {
  const { ours } = pair();
  const prompt = PromptTemplate.fromTemplate("{history} {question} in {language}");
  const chain = new LLMChain({ llm: answering(), prompt, memory: ours });
  const { error } = await outcomeOf(() => chain.invoke({ question: "Hi", language: "French" }));
  expect(error).toBeInstanceOf(LangChainRedisError);
  expect(error).toMatchObject({ code: "TURN_NOT_STORED", output: { text: expect.stringContaining("Hi in French") } });
});

describe("a memory for many that is loaded before it is known what is said", () => {
  const memoryFor = (): SessionMemory => new SessionMemory({ getMessageHistory: open });

  test("stores the turn, and is refused when the conversation was cleared in between", async () => {
    const memory = memoryFor();
    const sessionId = freshId();
    await memory.loadMemoryVariables({ sessionId });
    await memory.saveContext({ sessionId, input: "one" }, { output: "1" });
    await memory.loadMemoryVariables({ sessionId });
    await open(sessionId).clear();
    const late = memory.saveContext({ sessionId, input: "two" }, { output: "2" });
    await expect(late).rejects.toMatchObject({ cause: { code: "CONVERSATION_CHANGED" } });
    expect(await stored(sessionId)).toEqual([]);
    await memory.loadMemoryVariables({ sessionId });
    await memory.saveContext({ sessionId, input: "three" }, { output: "3" });
    expect(await open(sessionId).length()).toBe(2);
  });

  test("prefers the load that knew what is said, and never that of another conversation", async () => {
    const memory = memoryFor();
    const [ada, bob] = [freshId(), freshId()];
    await memory.loadMemoryVariables({ sessionId: ada, input: "Hi" });
    await open(ada).clear();
    await memory.loadMemoryVariables({ sessionId: ada });
    await memory.loadMemoryVariables({ sessionId: bob });
    const late = memory.saveContext({ sessionId: ada, input: "Hi" }, { output: "Hello" });
    await expect(late).rejects.toMatchObject({ cause: { code: "CONVERSATION_CHANGED" } });
    await open(bob).clear();
    await memory.saveContext({ sessionId: ada, input: "Hi" }, { output: "Hello" });
    const other = memory.saveContext({ sessionId: bob, input: "Hi" }, { output: "Hello" });
    await expect(other).rejects.toMatchObject({ cause: { code: "CONVERSATION_CHANGED" } });
    expect([await open(ada).length(), await open(bob).length()]).toEqual([2, 0]);
  });

  test("wants to be told whose turn it is", async () => {
    await expect(memoryFor().loadMemoryVariables({})).rejects.toMatchObject({ option: "sessionId" });
    await expect(memoryFor().loadMemoryVariables(undefined as never)).rejects.toMatchObject({ option: "sessionId" });
  });
});
