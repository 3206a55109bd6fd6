// What a runnable may be given and may answer, and what of it is new: input is what the caller passed, output what came
// of it, whatever the history holds by then.
import { InMemoryChatMessageHistory } from "@langchain/core/chat_history";
import { AIMessage, AIMessageChunk, type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { RunnableLambda } from "@langchain/core/runnables";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import {
  InvalidOptionError,
  RedisChatMessageHistory,
  type RedisChatMessageHistoryOptions,
  TurnNotStoredError,
} from "langchain-redis-sessions";
import { RunnableWithSession, type RunnableWithSessionFields } from "langchain-redis-sessions/runnables";
import { freshId, turn } from "../support/turns.js";
import { lines } from "./support/conversation.js";
import { answering } from "../support/scripted-model.js";

const { single } = inject("servers");
let client: Redis;
beforeAll(() => {
  client = new Redis(single);
});
afterAll(async () => {
  await client.quit();
});

let sessionId: string;
beforeEach(() => {
  sessionId = freshId();
});
const open = (options: Partial<RedisChatMessageHistoryOptions> = {}): RedisChatMessageHistory =>
  new RedisChatMessageHistory({ client, sessionId, ...options });
const stored = async (): Promise<string[]> => lines(await open().getMessages());
const config = () => ({ configurable: { sessionId } });

type Fields = Partial<RunnableWithSessionFields<unknown, unknown>> & {
  window?: RedisChatMessageHistoryOptions["window"];
};
function chainOf(answer: (given: never) => unknown, { window, ...fields }: Fields = {}) {
  return new RunnableWithSession<unknown, unknown>({
    runnable: RunnableLambda.from(async (given: unknown) => answer(given as never)) as never,
    getMessageHistory: () => open({ window }),
    ...fields,
  } as RunnableWithSessionFields<unknown, unknown>);
}

describe("an input", () => {
  test.each<[form: string, input: unknown, said: string[], fields?: Fields]>([
    ["a text", "Hi", ["human: Hi"]],
    ["a message", new HumanMessage("Hi"), ["human: Hi"]],
    ["a list of messages", [new SystemMessage("Be kind."), new HumanMessage("Hi")], ["system: Be kind.", "human: Hi"]],
    ["a list of { role, content }", [{ role: "user", content: "Hi" }], ["human: Hi"]],
    ["a list of pairs", [["system", "Be kind."], ["human", "Hi"]], ["system: Be kind.", "human: Hi"]], // prettier-ignore
    ["a list of lists", [[new HumanMessage("Hi")]], ["human: Hi"]],
    ["an object with one name", { question: "Hi" }, ["human: Hi"], { historyMessagesKey: "history" }],
    ["an object with input", { input: "Hi", mood: "good" }, ["human: Hi"], { historyMessagesKey: "history" }],
    ["an object whose name is told", { a: "no", b: "Hi" }, ["human: Hi"], { inputMessagesKey: "b", historyMessagesKey: "history" }], // prettier-ignore
    ["messages in an object", { messages: [{ role: "user", content: "Hi" }] }, ["human: Hi"], { inputMessagesKey: "messages" }], // prettier-ignore
  ])("may be %s", async (_form, input, said, fields) => {
    await chainOf(() => "answer", fields).invoke(input, config());
    expect(await stored()).toEqual([...said, "ai: answer"]);
  });

  test.each<[form: string, input: unknown, fields?: Fields]>([
    ["a number", 5],
    ["nothing", undefined],
    ["null", null],
    ["a list with a number", [5]],
    ["an object of which no name is told", { a: "x", b: "y" }, { historyMessagesKey: "history" }],
    ["an object without the name that is told", { a: "x" }, { inputMessagesKey: "b" }],
    ["a text where an object has to be", "Hi", { historyMessagesKey: "history" }],
  ])("that is %s is refused before anything is run", async (_form, input, fields) => {
    let runs = 0;
    const count = (): string => {
      runs += 1;
      return "answer";
    };
    const chain = chainOf(count, fields);
    await expect(chain.invoke(input, config())).rejects.toBeInstanceOf(InvalidOptionError);
    await expect(chain.stream(input, config())).rejects.toBeInstanceOf(InvalidOptionError);
    expect(runs).toBe(0);
    expect(await stored()).toEqual([]);
  });

  test("is new as it was passed, also when the history grows, shrinks or is windowed meanwhile", async () => {
    await open().addMessages(Array.from({ length: 5 }, (_, number) => turn(`old ${number}`)).flat());
    const growing = chainOf(
      () =>
        open()
          .addMessages(turn("meanwhile"))
          .then(() => "answer"),
      { window: { messages: 4 } },
    );
    await growing.invoke("Hi", config());
    expect((await stored()).slice(-4)).toEqual(["human: meanwhile", "ai: re: meanwhile", "human: Hi", "ai: answer"]);
    expect(await open().length()).toBe(14);
  });
});

describe("an output", () => {
  const chunk = new AIMessageChunk({ content: "answer", id: "run-1" });
  test.each<[form: string, output: unknown, fields?: Fields]>([
    ["a text", "answer"],
    ["a message", new AIMessage("answer")],
    ["a chunk", chunk],
    ["a list", [new AIMessage("answer")]],
    ["an object with one name", { reply: "answer" }],
    ["an object with output", { output: "answer", cost: 5 }],
    ["an object whose name is told", { a: "no", b: new AIMessage("answer") }, { outputMessagesKey: "b" }],
    ["a list of { role, content }", [{ role: "assistant", content: "answer" }]],
  ])("may be %s", async (_form, output, fields) => {
    await chainOf(() => output, fields).invoke("Hi", config());
    for await (const _part of await chainOf(() => output, fields).stream("again", config()));
    expect(await stored()).toEqual(["human: Hi", "ai: answer", "human: again", "ai: answer"]);
  });

  test("may be the whole state: what was given is not stored again", async () => {
    const state = (given: BaseMessage[]): BaseMessage[] => [...given, new AIMessage(`given ${given.length}`)];
    for (const said of ["one", "two", "three"]) await chainOf(state).invoke(said, config());
    expect(await stored()).toEqual(
      ["one", "two", "three"].flatMap((said, n) => [`human: ${said}`, `ai: given ${2 * n + 1}`]),
    );
  });

  test("may carry the same id each time", async () => {
    const answers = [
      () => new AIMessage({ content: "answer", id: "the same" }),
      (given: BaseMessage[]) => [...given, new AIMessage({ content: "answer", id: "the same" })],
      () => [new AIMessage({ content: "first", id: "the same" }), new AIMessage({ content: "answer", id: "the same" })],
    ];
    for (const answer of answers) await chainOf(answer).invoke("Hi", config());
    for (const answer of answers) await chainOf(answer).invoke("Hi", config());
    const texts = (await stored()).filter((line) => line.startsWith("ai"));
    const turns = ["ai: answer", "ai: answer", "ai: first", "ai: answer"];
    expect(texts).toEqual([...turns, ...turns]);
  });

  test.each<[form: string, output: unknown]>([
    ["nothing", undefined],
    ["a number", 5],
    ["an object of several names", { a: "x", b: "y" }],
    ["a list with a number", [5]],
  ])("that is %s cannot be stored, and is not lost", async (_form, output) => {
    const error: unknown = await chainOf(() => output)
      .invoke("Hi", config())
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TurnNotStoredError);
    expect((error as TurnNotStoredError).output).toBe(output);
    expect(await stored()).toEqual([]);
  });
});

describe("a history", () => {
  test("may come with a promise, and may be one of another library", async () => {
    const history = new InMemoryChatMessageHistory();
    const chain = chainOf(() => "answer", { getMessageHistory: async () => history });
    await chain.invoke("Hi", config());
    expect(lines(await history.getMessages())).toEqual(["human: Hi", "ai: answer"]);
  });

  test.each<[what: string, getMessageHistory: () => unknown]>([
    ["nothing", () => undefined],
    ["null", () => null],
    ["something else", () => ({})],
  ])("that is %s is refused, with what to do", async (_what, getMessageHistory) => {
    const chain = chainOf(() => "answer", { getMessageHistory: getMessageHistory as never });
    await expect(chain.invoke("Hi", config())).rejects.toMatchObject({ option: "getMessageHistory" });
    await expect(chain.stream("Hi", config())).rejects.toMatchObject({ option: "getMessageHistory" });
  });

  test("that cannot be had is told as it is, and nothing is run", async () => {
    const failing = (): never => {
      throw new Error("no such tenant");
    };
    await expect(chainOf(() => "answer", { getMessageHistory: failing }).invoke("Hi", config())).rejects.toThrow(
      "no such tenant",
    );
  });
});

describe("a window", () => {
  const given = async (
    window: RedisChatMessageHistoryOptions["window"],
    way: "invoke" | "stream",
  ): Promise<string[]> => {
    const model = answering();
    const chain = new RunnableWithSession<unknown, unknown>({
      runnable: model as never,
      getMessageHistory: () => open({ window }),
    });
    if (way === "invoke") await chain.invoke("now", config());
    else for await (const _part of await chain.stream("now", config()));
    return lines(model.given[0] ?? []);
  };
  const call = { id: "c", name: "weather", args: {}, type: "tool_call" as const };

  test.each(["invoke", "stream"] as const)(
    "by %s(): of messages, or of tokens as the caller counts them",
    async (way) => {
      await open().addMessages([...turn("one"), ...turn("two"), ...turn("three")]);
      expect(await given({ messages: 4 }, way)).toEqual(["human: two", "ai: re: two", "human: three", "ai: re: three", "human: now"]); // prettier-ignore
      const tokens = { tokens: 2, tokenCounter: (messages: BaseMessage[]) => messages.length };
      expect(await given(tokens, way)).toEqual(["human: now", "ai: re: now", "human: now"]);
      expect(await open().length()).toBe(10);
    },
  );

  test("never splits a call from its result, and deletes nothing", async () => {
    await open().addMessages([
      new HumanMessage("Weather?"),
      new AIMessage({ content: "", tool_calls: [call] }),
      ...[{ role: "tool", content: "rain", tool_call_id: "c" }]
        .map(({ content }) => new HumanMessage(content))
        .slice(1),
      new AIMessage("no result came"),
    ]);
    expect(await given({ messages: 3 }, "invoke")).toEqual(["human: Weather?", "ai: no result came", "human: now"]);
    expect(await open().length()).toBe(5);
  });
});

describe("fields", () => {
  const runnable = answering();
  const getMessageHistory = (): RedisChatMessageHistory => open();
  test.each<[what: string, fields: object, option: string]>([
    ["without a history", { runnable }, "getMessageHistory"],
    ["with a history and sessions that are none", { runnable, getMessageHistory, sessions: {} }, "sessions"],
    ["without a runnable", { getMessageHistory }, "runnable"],
    ["with a runnable that is none", { runnable: 5, getMessageHistory }, "runnable"],
    ["with a name that is misspelt", { runnable, getMessageHistory, inputMessageKey: "x" }, "inputMessageKey"],
    ["with an empty name", { runnable, getMessageHistory, inputMessagesKey: "" }, "inputMessagesKey"],
    ["with a concurrency that is none", { runnable, getMessageHistory, concurrency: "queue" }, "concurrency"],
    ["with an onInterrupt that is none", { runnable, getMessageHistory, onInterrupt: "retry" }, "onInterrupt"],
    ["with a lease that is none", { runnable, getMessageHistory, lease: "soon" }, "lease"],
    ["with a config that is none", { runnable, getMessageHistory, config: 5 }, "config"],
  ])("%s are refused, naming the field", (_what, fields, option) => {
    expect(() => new RunnableWithSession(fields as never)).toThrow(expect.objectContaining({ option }) as Error);
  });
});
