// The memory of classic chains: what BufferMemory does, and what it cannot: a turn in one write, one chain object for
// every user, an answer that is not lost.
import { inspect } from "node:util";
import { ConversationChain, LLMChain } from "@langchain/classic/chains";
import { BufferMemory } from "@langchain/classic/memory";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { Redis } from "ioredis";
import { beforeEach, describe, expect, inject, test, vi } from "vitest";
import { RedisChatMessageHistory, type Session, TurnNotStoredError } from "langchain-redis-sessions";
import { SessionMemory, type SessionMemoryFields } from "langchain-redis-sessions/chains";
import { faultyProxy } from "langchain-redis-sessions/testing";
import { OfflineChatModel } from "../../examples/offline-model.js";
import { lines } from "../runnables/support/conversation.js";
import { answering, ScriptedModel } from "../support/scripted-model.js";
import { client, sessions } from "../support/session-store.js";
import { freshId, turn } from "../support/turns.js";

const { single } = inject("servers");

let sessionId: string;
beforeEach(() => {
  sessionId = freshId();
});
const open = (id = sessionId): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId: id });
const stored = async (id = sessionId): Promise<string[]> => lines(await open(id).getMessages());

describe.each([
  { name: "BufferMemory", Memory: BufferMemory },
  { name: "SessionMemory", Memory: SessionMemory as unknown as typeof BufferMemory },
])("$name", ({ Memory }) => {
  test("makes a ConversationChain remember", async () => {
    const chain = new ConversationChain({ llm: new OfflineChatModel(), memory: new Memory({ chatHistory: open() }) });
    await chain.invoke({ input: "My name is Ada." });
    expect(await stored()).toEqual(["human: My name is Ada.", expect.stringContaining("ai: ")]);
    const given: string[] = [];
    const model = new ScriptedModel(async function* (messages) {
      given.push(messages.map(({ text }) => text).join());
      yield "You are Ada.";
    });
    const next = new ConversationChain({ llm: model, memory: new Memory({ chatHistory: open() }) });
    expect(await next.invoke({ input: "Who am I?" })).toEqual({ response: "You are Ada." });
    expect(given[0]).toContain("Human: My name is Ada.");
    expect(given[0]).toContain("Human: Who am I?");
  });

  test("gives a prompt messages, under another name, for an LLMChain with several inputs and outputs", async () => {
    const prompt = ChatPromptTemplate.fromMessages([
      ["system", "You are good at {ability}."],
      new MessagesPlaceholder("chat_history"),
      ["human", "{question}"],
    ]);
    const model = answering();
    const memory = new Memory({
      chatHistory: open(),
      memoryKey: "chat_history",
      inputKey: "question",
      outputKey: "text",
      returnMessages: true,
    });
    const chain = new LLMChain({ llm: model, prompt, memory });
    await chain.invoke({ ability: "math", question: "one" });
    await chain.invoke({ ability: "math", question: "two" });
    expect(lines(model.given[1] ?? [])).toEqual([
      "system: You are good at math.",
      "human: one",
      "ai: re: one",
      "human: two",
    ]);
    expect(await stored()).toEqual(["human: one", "ai: re: one", "human: two", "ai: re: two"]);
  });

  test("writes names of the caller's before the lines", async () => {
    await open().addMessages(turn("Hi"));
    const memory = new Memory({ chatHistory: open(), humanPrefix: "Ada", aiPrefix: "Bot" });
    expect(await memory.loadMemoryVariables({ input: "x" })).toEqual({ history: "Ada: Hi\nBot: re: Hi" });
    expect(memory.memoryKeys).toEqual(["history"]);
  });

  test("is cleared", async () => {
    const memory = new Memory({ chatHistory: open() });
    await memory.saveContext({ input: "Hi" }, { response: "Hello" });
    await memory.clear();
    expect(await stored()).toEqual([]);
    expect(await memory.loadMemoryVariables({ input: "x" })).toEqual({ history: "" });
  });

  test("wants to be told which of several values is meant", async () => {
    const memory = new Memory({ chatHistory: open() });
    await expect(memory.saveContext({ a: "x", b: "y" }, { response: "z" })).rejects.toThrow(/input/i);
    await expect(memory.saveContext({ a: "x" }, { b: "y", c: "z" })).rejects.toThrow(/output/i);
  });
});

describe("a SessionMemory for every user", () => {
  const memoryFor = (fields: Partial<SessionMemoryFields> = {}): SessionMemory =>
    new SessionMemory({ getMessageHistory: (id: string) => open(id), ...fields } as SessionMemoryFields);

  test("keeps one chain object's users apart, also when all of them talk at once", async () => {
    const chain = new ConversationChain({ llm: new OfflineChatModel(), memory: memoryFor() });
    const users = Array.from({ length: 20 }, (_, index) => ({
      id: freshId(),
      name: `N${"abcdefghijklmnopqrst"[index]}`,
    }));
    await Promise.all(users.map(({ id, name }) => chain.invoke({ input: `My name is ${name}.`, sessionId: id })));
    for (const { id, name } of users) {
      expect((await stored(id)).map((line) => line.includes(name))).toEqual([true, true]);
      expect(await stored(id)).toHaveLength(2);
    }
  });

  test("keeps users apart who say the same at once, in any order of the answers", async () => {
    const memory = memoryFor();
    const [ada, bob] = [freshId(), freshId()];
    const says = (id: string) => ({ input: "Hi", sessionId: id });
    await memory.loadMemoryVariables(says(ada));
    await memory.loadMemoryVariables(says(bob));
    await memory.saveContext(says(ada), { response: "Hello Ada" });
    await memory.saveContext(says(bob), { response: "Hello Bob" });
    expect(await stored(ada)).toEqual(["human: Hi", "ai: Hello Ada"]);
    expect(await stored(bob)).toEqual(["human: Hi", "ai: Hello Bob"]);
  });

  test("stores both turns of one user who says the same twice at once", async () => {
    const chain = new ConversationChain({ llm: new OfflineChatModel(), memory: memoryFor() });
    await Promise.all([1, 2].map(() => chain.invoke({ input: "Hi", sessionId })));
    expect((await stored()).map((line) => line.split(":")[0])).toEqual(["human", "ai", "human", "ai"]);
  });

  test("takes sessions, and refuses those that have ended", async () => {
    const { token, session } = await sessions.create({ userId: freshId(), agentId: "support" });
    const memory = new SessionMemory({
      getMessageHistory: (given: Session) => sessions.history(given),
      sessionIdKey: "session",
    });
    const chain = new ConversationChain({ llm: new OfflineChatModel(), memory });
    await chain.invoke({ input: "Hi", session });
    expect(await sessions.history(session).length()).toBe(2);
    await sessions.end(token);
    await expect(chain.invoke({ input: "Hi", session })).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
  });

  test("names the session id when it is missing", async () => {
    const chain = new ConversationChain({ llm: new OfflineChatModel(), memory: memoryFor() });
    for (const values of [{ input: "Hi" }, { input: "Hi", sessionId: "" }, { input: "Hi", sessionId: undefined }]) {
      await expect(chain.invoke(values)).rejects.toMatchObject({ option: "sessionId" });
    }
    await expect(memoryFor().clear()).rejects.toMatchObject({ option: "sessionId" });
  });

  test("clears one user's conversation", async () => {
    const other = freshId();
    await open().addMessages(turn("mine"));
    await open(other).addMessages(turn("theirs"));
    await memoryFor().clear({ sessionId });
    expect(await stored()).toEqual([]);
    expect(await stored(other)).toHaveLength(2);
  });

  test("does not bring back what was cleared between reading and storing", async () => {
    await open().addMessages(turn("old"));
    const clearing = new ScriptedModel(async function* () {
      await open().clear();
      yield "late";
    });
    const answer = new ConversationChain({ llm: clearing, memory: memoryFor() }).invoke({ input: "Hi", sessionId });
    await expect(answer).rejects.toMatchObject({ code: "TURN_NOT_STORED", cause: { code: "CONVERSATION_CHANGED" } });
    expect(await stored()).toEqual([]);
  });

  test("goes on with a user whose chain had failed, also after a clear", async () => {
    await open().addMessages(turn("old"));
    let failing = true;
    const model = new ScriptedModel(async function* () {
      if (failing) throw new Error("out of order");
      yield "answer";
    });
    const chain = new ConversationChain({ llm: model, memory: memoryFor() });
    await expect(chain.invoke({ input: "Hi", sessionId })).rejects.toThrow("out of order");
    await open().clear();
    failing = false;
    await chain.invoke({ input: "Hi", sessionId });
    expect(await stored()).toEqual(["human: Hi", "ai: answer"]);
  });

  test("of thousands of chains that failed, remembers some, and goes on", async () => {
    const memory = memoryFor();
    for (let index = 0; index < 1_100; index++) await memory.loadMemoryVariables({ input: String(index), sessionId });
    await memory.saveContext({ input: "1099", sessionId }, { response: "late" });
    await memory.saveContext({ input: "0", sessionId }, { response: "later" });
    expect(await stored()).toEqual(["human: 1099", "ai: late", "human: 0", "ai: later"]);
  });
});

describe("a turn", () => {
  test("is stored in one write, that of BufferMemory in two", async () => {
    const sent = vi.spyOn(client, "evalsha");
    await new SessionMemory({ chatHistory: open() }).saveContext({ input: "Hi" }, { response: "Hello" });
    expect(sent).toHaveBeenCalledTimes(1);
    sent.mockClear();
    await new BufferMemory({ chatHistory: open() }).saveContext({ input: "Hi" }, { response: "Hello" });
    expect(sent).toHaveBeenCalledTimes(2);
    sent.mockRestore();
  });

  test("that cannot be stored rejects with the chain's output, in time, and can be stored later, once", async () => {
    const proxy = await faultyProxy(single);
    const through = new Redis({ port: proxy.port, retryStrategy: () => 5 });
    through.on("error", () => {});
    const chatHistory = new RedisChatMessageHistory({ client: through, sessionId, deadline: 0.4 });
    const model = new ScriptedModel(async function* () {
      proxy.blackhole();
      yield "SECRET answer";
    });
    const chain = new ConversationChain({ llm: model, memory: new SessionMemory({ chatHistory }) });
    const error: unknown = await chain.invoke({ input: "SECRET question" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TurnNotStoredError);
    const failed = error as TurnNotStoredError;
    expect(failed.output).toEqual({ response: "SECRET answer" });
    expect(inspect(failed, { depth: 20 })).not.toContain("SECRET");
    await proxy.heal();
    await failed.retry();
    await failed.retry();
    expect(await stored()).toEqual(["human: SECRET question", "ai: SECRET answer"]);
    through.disconnect();
    await proxy.close();
  });

  test.each<[what: string, input: unknown, output: unknown, expected: string[]]>([
    ["texts", "Hi", "Hello", ["human: Hi", "ai: Hello"]],
    ["messages", new HumanMessage("Hi"), new AIMessage("Hello"), ["human: Hi", "ai: Hello"]],
    ["lists of messages", [new HumanMessage("Hi")], [new AIMessage("One"), new AIMessage("Two")], ["human: Hi", "ai: One", "ai: Two"]], // prettier-ignore
    ["objects", { question: "Hi" }, { answer: 42 }, ['human: {"question":"Hi"}', 'ai: {"answer":42}']],
    ["an empty answer", "Hi", "", ["human: Hi", "ai: "]],
    ["numbers", 1, 0, ["human: 1", "ai: 0"]],
  ])("may consist of %s", async (_what, input, output, expected) => {
    await new SessionMemory({ chatHistory: open() }).saveContext({ input }, { output });
    expect(await stored()).toEqual(expected);
  });

  test("of which nothing was said, or answered, is not stored", async () => {
    const memory = new SessionMemory({ chatHistory: open(), inputKey: "input", outputKey: "output" });
    await expect(memory.saveContext({ input: undefined }, { output: "x" })).rejects.toMatchObject({
      code: "TURN_NOT_STORED",
      output: { output: "x" },
      cause: { option: "inputKey" },
    });
    await expect(memory.saveContext({ input: "x" }, { output: undefined })).rejects.toMatchObject({
      code: "TURN_NOT_STORED",
      cause: { option: "outputKey" },
    });
    expect(await stored()).toEqual([]);
  });

  test("reads no more than the history's window, and deletes nothing", async () => {
    await open().addMessages([...turn("one"), ...turn("two")]);
    const chatHistory = new RedisChatMessageHistory({ client, sessionId, window: { messages: 2 } });
    const model = new FakeListChatModel({ responses: ["answer"] });
    const memory = new SessionMemory({ chatHistory });
    expect(await memory.loadMemoryVariables({ input: "x" })).toEqual({ history: "Human: two\nAI: re: two" });
    await new ConversationChain({ llm: model, memory }).invoke({ input: "three" });
    expect(await stored()).toHaveLength(6);
  });
});

describe("fields", () => {
  test.each<[what: string, fields: () => object, option: string]>([
    ["without a history", () => ({}), "chatHistory"],
    ["with two", () => ({ chatHistory: open(), getMessageHistory: open }), "chatHistory"],
    ["with a history that is none", () => ({ chatHistory: {} }), "chatHistory"],
    [
      "with a name of the session for one conversation",
      () => ({ chatHistory: open(), sessionIdKey: "id" }),
      "sessionIdKey",
    ],
    ["with a name that is misspelt", () => ({ chatHistory: open(), memorykey: "x" }), "memorykey"],
    ["with an empty name", () => ({ chatHistory: open(), memoryKey: "" }), "memoryKey"],
  ])("%s are refused, naming the field", (_what, fields, option) => {
    expect(() => new SessionMemory(fields() as never)).toThrow(expect.objectContaining({ option }) as Error);
  });

  test.each([() => undefined, () => null, () => ({})])(
    "a history that is none is refused when it is asked for",
    async (get) => {
      const memory = new SessionMemory({ getMessageHistory: get as never });
      const values = { input: "Hi", sessionId: "a" };
      await expect(memory.loadMemoryVariables(values)).rejects.toMatchObject({ option: "getMessageHistory" });
    },
  );
});
