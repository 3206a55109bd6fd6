// A turn that does not come to its end: what the user said and what was answered so far is kept, once, marked, and such
// that a provider accepts it; or nothing is, on request.
import { AIMessage, AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
import { RunnableLambda } from "@langchain/core/runnables";
import { FakeStreamingChatModel } from "@langchain/core/utils/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { RunnableWithSession, type TurnOptions } from "langchain-redis-sessions/runnables";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { lines } from "./support/conversation.js";
import { answering, hanging, ScriptedModel } from "./support/scripted-model.js";

const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => void rejections.push(reason);
let client: Client;
beforeAll(() => {
  client = onOneRedis.connect();
  process.on("unhandledRejection", onRejection);
});
afterAll(async () => {
  await client.quit();
  process.off("unhandledRejection", onRejection);
});

let sessionId: string;
beforeEach(() => {
  sessionId = freshId();
});
afterEach(async () => {
  await new Promise(setImmediate);
  if (rejections.length > 0) throw new Error("Unhandled rejections", { cause: rejections.splice(0) });
});

const open = (): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId });
const stored = async (): Promise<string[]> => lines(await open().getMessages());
const storedSoon = (expected: string[]): Promise<void> => expect.poll(stored, { interval: 5 }).toEqual(expected);
const config = () => ({ configurable: { sessionId } });

type Model = ScriptedModel | FakeStreamingChatModel;
const prompt = ChatPromptTemplate.fromMessages([new MessagesPlaceholder("history"), ["human", "{input}"]]);
const chainOf = (model: Model, options: TurnOptions = {}) =>
  new RunnableWithSession({
    runnable: prompt.pipe(model),
    getMessageHistory: open,
    inputMessagesKey: "input",
    historyMessagesKey: "history",
    ...options,
  });

/** Reads as much, and then does something else. */
async function read(stream: AsyncIterable<BaseMessage>, parts: number, then: () => void = () => {}): Promise<void> {
  let count = 0;
  for await (const _part of stream) {
    count += 1;
    if (count === parts) then();
  }
}

const failing = (): ScriptedModel =>
  new ScriptedModel(async function* () {
    yield "Hel";
    yield "lo";
    throw new Error("The provider is out of order.");
  });

describe.each(["keep", "discard"] as const)("with onInterrupt %s", (onInterrupt) => {
  const kept = (...expected: string[]): string[] => (onInterrupt === "keep" ? expected : []);

  test("a stream that is aborted rejects at once with the reason, and its part is stored after that", async () => {
    const stop = new AbortController();
    const chain = chainOf(hanging(["Hel", "lo"], "deaf"), { onInterrupt });
    const stream = await chain.stream({ input: "Hi" }, { ...config(), signal: stop.signal });
    const reason = new Error("enough");
    await expect(read(stream, 2, () => stop.abort(reason))).rejects.toBe(reason);
    await storedSoon(kept("human: Hi", "ai!: Hello"));
  });

  test("a stream that times out is told so, and its part is stored", async () => {
    const chain = chainOf(hanging(["Hel", "lo"]), { onInterrupt });
    const stream = await chain.stream({ input: "Hi" }, { ...config(), timeout: 200 });
    await expect(read(stream, 9)).rejects.toMatchObject({ name: "TimeoutError" });
    await storedSoon(kept("human: Hi", "ai!: Hello"));
  });

  test("a stream whose model fails rejects with the model's error, after its part was stored", async () => {
    const stream = await chainOf(failing(), { onInterrupt }).stream({ input: "Hi" }, config());
    await expect(read(stream, 9)).rejects.toThrow("out of order");
    expect(await stored()).toEqual(kept("human: Hi", "ai!: Hello"));
  });

  test("a loop that breaks out of a stream goes on when the part is stored", async () => {
    const stream = await chainOf(hanging(["Hel", "lo"]), { onInterrupt }).stream({ input: "Hi" }, config());
    let parts = 0;
    for await (const _part of stream) {
      parts += 1;
      if (parts === 2) break;
    }
    expect(await stored()).toEqual(kept("human: Hi", "ai!: Hello"));
  });

  test("an invocation that is aborted rejects at once, and what the user said is stored after that", async () => {
    const stop = new AbortController();
    const model = hanging(["Hello"], "deaf");
    const answer = chainOf(model, { onInterrupt }).invoke({ input: "Hi" }, { ...config(), signal: stop.signal });
    const reason = new Error("enough");
    await expect.poll(() => model.given.length).toBe(1);
    stop.abort(reason);
    await expect(answer).rejects.toBe(reason);
    await storedSoon(kept("human!: Hi"));
  });

  test("an invocation that times out is told so, and what the user said is stored", async () => {
    const answer = chainOf(hanging(["Hello"]), { onInterrupt }).invoke({ input: "Hi" }, { ...config(), timeout: 200 });
    await expect(answer).rejects.toMatchObject({ name: "TimeoutError" });
    await storedSoon(kept("human!: Hi"));
  });

  test("an invocation whose model fails rejects with the model's error, after what the user said was stored", async () => {
    const answer = chainOf(failing(), { onInterrupt }).invoke({ input: "Hi" }, config());
    await expect(answer).rejects.toThrow("out of order");
    expect(await stored()).toEqual(kept("human!: Hi"));
  });

  test("events that are left in the middle leave the part stored", async () => {
    const chain = chainOf(hanging(["Hel", "lo"]), { onInterrupt });
    let parts = 0;
    for await (const { event } of chain.streamEvents({ input: "Hi" }, { ...config(), version: "v2" })) {
      if (event === "on_chat_model_stream") parts += 1;
      if (parts === 2) break;
    }
    await expect.poll(stored, { interval: 5 }).toEqual(kept("human: Hi", "ai!: Hello"));
  });

  test("a call that fails in a batch does not touch the others", async () => {
    const model = new ScriptedModel(async function* (messages) {
      if (messages.at(-1)?.text === "fail") throw new Error("out of order");
      yield "ok";
    });
    const chain = chainOf(model, { onInterrupt });
    const outcomes = await chain.batch([{ input: "fail" }, { input: "work" }], config(), { returnExceptions: true });
    expect(outcomes.map((outcome: unknown) => outcome instanceof Error)).toEqual([true, false]);
    expect((await stored()).toSorted()).toEqual([...kept("human!: fail"), "human: work", "ai: ok"].toSorted());
  });
});

describe("a stream is left", () => {
  const leaving = {
    "by reader.cancel()": async (stream: ReadableStream) => {
      const reader = stream.getReader();
      await reader.read();
      await reader.cancel();
    },
    "by stream.return()": async (stream: ReadableStream & { return?: () => Promise<unknown> }) => {
      const reader = stream as unknown as AsyncGenerator;
      await reader.next();
      await reader.return(undefined);
    },
    "while the model is silent": async (stream: ReadableStream & { return?: () => Promise<unknown> }) => {
      const reader = stream as unknown as AsyncGenerator;
      await reader.next();
      await reader.next();
      await new Promise((resolve) => setTimeout(resolve, 20));
      await reader.return(undefined);
    },
    "by an error in the loop that reads": async (stream: ReadableStream) => {
      const loop = async (): Promise<void> => {
        for await (const _part of stream) throw new Error("mine");
      };
      await expect(loop()).rejects.toThrow("mine");
    },
    "by await using": async (stream: ReadableStream) => {
      await using reader = stream as unknown as AsyncGenerator & AsyncDisposable;
      await reader.next();
    },
  };
  test.each(Object.entries(leaving))("%s: the model is stopped and the part is stored", async (_way, leave) => {
    let heard: AbortSignal | undefined;
    const model = new ScriptedModel(async function* (_messages, signal) {
      heard = signal;
      yield "Hel";
      yield "lo";
      await new Promise(() => {});
    });
    await leave(await chainOf(model).stream({ input: "Hi" }, config()));
    expect(heard?.aborted).toBe(true);
    const [said, part, ...others] = await stored();
    expect([said, others]).toEqual(["human: Hi", []]);
    expect(part).toMatch(/^ai!: Hel/);
  });

  test("that is in the middle of a sequence: the model is stopped and the part is stored", async () => {
    let heard: AbortSignal | undefined;
    const model = new ScriptedModel(async function* (_messages, signal) {
      heard = signal;
      for (;;) yield "Hel";
    });
    const before = RunnableLambda.from((input: string) => ({ input }));
    const sequence = before.pipe(chainOf(model)).pipe(new StringOutputParser());
    let parts = 0;
    for await (const _part of await sequence.stream("Hi", config())) {
      parts += 1;
      if (parts === 2) break;
    }
    const [said, part, ...others] = await stored();
    expect([said, others]).toEqual(["human: Hi", []]);
    expect(part).toMatch(/^ai!: HelHel/);
    expect(heard?.aborted).toBe(true);
  });

  test("by a reader that never came back: after ten minutes it counts as left, and the conversation is free", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
    try {
      const chain = chainOf(hanging(["Hel", "lo", "!", "!", "!"]), { concurrency: "reject" });
      const stream = await chain.stream({ input: "Hi" }, config());
      const reader = stream.getReader();
      await reader.read();
      await new Promise(setImmediate);
      vi.advanceTimersByTime(599_000);
      await new Promise(setImmediate);
      expect(await stored()).toEqual([]);
      await expect(chain.invoke({ input: "another" }, config())).rejects.toMatchObject({ code: "SESSION_BUSY" });
      vi.advanceTimersByTime(2_000);
      await vi.waitFor(async () => expect((await stored())[0]).toBe("human: Hi"));
      expect((await stored())[1]).toMatch(/^ai!: Hel/);
      expect(await client.exists(`chat:history:{${sessionId}}:lease`)).toBe(0);
      const late = async (): Promise<void> => {
        for (;;) if ((await reader.read()).done) return;
      };
      await expect(late()).rejects.toThrow("ten minutes");
      expect(await open().length()).toBe(2);
    } finally {
      vi.useRealTimers();
    }
  });

  test("a reader that takes its time, and comes back, gets the rest", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const stream = await chainOf(answering()).stream({ input: "Hi" }, config());
      for await (const _part of stream) vi.advanceTimersByTime(590_000);
    } finally {
      vi.useRealTimers();
    }
    expect(await stored()).toEqual(["human: Hi", "ai: re: Hi"]);
  });
});

describe("an abort", () => {
  test("before the call: nothing is run, nothing is stored", async () => {
    const model = answering();
    const aborted = { ...config(), signal: AbortSignal.abort(new Error("too late")) };
    await expect(chainOf(model).invoke({ input: "Hi" }, aborted)).rejects.toThrow("too late");
    await expect(chainOf(model).stream({ input: "Hi" }, aborted)).rejects.toThrow("too late");
    expect(model.given).toEqual([]);
    expect(await stored()).toEqual([]);
  });

  test("while the history is read: the model is not called, and what the user said is kept", async () => {
    for (const way of ["invoke", "stream"] as const) {
      sessionId = freshId();
      const stop = new AbortController();
      const called = vi.fn<(value: unknown) => string>(() => "answer");
      const chain = new RunnableWithSession({
        runnable: RunnableLambda.from(called),
        getMessageHistory: () => {
          const history = open();
          vi.spyOn(history, "beginTurn").mockImplementation(async () => {
            stop.abort(new Error("enough"));
            return [];
          });
          return history;
        },
      });
      await expect(chain[way]("Hi", { ...config(), signal: stop.signal })).rejects.toThrow("enough");
      await storedSoon(["human!: Hi"]);
      expect(called, way).not.toHaveBeenCalled();
    }
  });

  test("before the first part: what the user said is kept", async () => {
    const stop = new AbortController();
    const model = hanging([]);
    const stream = chainOf(model).stream({ input: "Hi" }, { ...config(), signal: stop.signal });
    stream.catch(() => {});
    await expect.poll(() => model.given.length).toBe(1);
    stop.abort(new Error("enough"));
    await expect(stream).rejects.toThrow("enough");
    await storedSoon(["human!: Hi"]);
  });

  test("while nobody reads: the part is stored all the same", async () => {
    const stop = new AbortController();
    const stream = await chainOf(hanging(["Hel", "lo"])).stream({ input: "Hi" }, { ...config(), signal: stop.signal });
    const reader = stream.getReader();
    await reader.read();
    await reader.read();
    stop.abort(new Error("enough"));
    await storedSoon(["human: Hi", "ai!: Hello"]);
    await expect(reader.read()).rejects.toThrow("enough");
  });

  test("while nobody reads and the model has said it all: the turn is stored once, as far as it was read", async () => {
    const stop = new AbortController();
    const stream = await chainOf(answering()).stream({ input: "Hi" }, { ...config(), signal: stop.signal });
    const reader = stream.getReader();
    await reader.read();
    await new Promise(setImmediate);
    stop.abort(new Error("enough"));
    await expect.poll(async () => (await stored())[0], { interval: 5 }).toBe("human: Hi");
    await expect(
      reader
        .read()
        .then(() => reader.read())
        .then(() => reader.read()),
    ).rejects.toThrow("enough");
    expect(await open().length()).toBe(2);
    expect((await stored())[1]).toMatch(/^ai!: re/);
  });

  test("to a model that then ends its stream as if that were all: the part is marked", async () => {
    const stop = new AbortController();
    const model = new FakeStreamingChatModel({ sleep: 5, responses: [new AIMessage("Hello Ada")] });
    const stream = await chainOf(model).stream({ input: "Hi" }, { ...config(), signal: stop.signal });
    await expect(read(stream, 3, () => stop.abort(new Error("enough")))).rejects.toThrow("enough");
    await expect.poll(() => open().length(), { interval: 5 }).toBe(2);
    expect((await stored())[1]).toMatch(/^ai!: Hel/);
  });

  test("during the final write: the caller is told of the abort, the turn is stored whole, once", async () => {
    for (const way of ["invoke", "stream"] as const) {
      sessionId = freshId();
      const stop = new AbortController();
      const chain = new RunnableWithSession({
        runnable: answering(),
        getMessageHistory: () => {
          const history = open();
          const append = history.appendTurn.bind(history);
          vi.spyOn(history, "appendTurn").mockImplementation(async (...write) => {
            stop.abort(new Error("enough"));
            await append(...write);
          });
          return history;
        },
      });
      const options = { ...config(), signal: stop.signal };
      const work =
        way === "invoke" ? chain.invoke("Hi", options) : chain.stream("Hi", options).then((s) => read(s, 99));
      await expect(work).rejects.toThrow("enough");
      await storedSoon(["human: Hi", "ai: re: Hi"]);
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(await open().length(), way).toBe(2);
    }
  });

  test("at whatever moment, leaves the turn stored once", async () => {
    for (let moment = 0; moment < 60; moment++) {
      sessionId = freshId();
      const stop = new AbortController();
      const abortLater = async (): Promise<void> => {
        for (let step = 0; step < moment; step++) await undefined;
        stop.abort(new Error("enough"));
      };
      const model = new ScriptedModel(async function* () {
        yield "answer";
        void abortLater();
      });
      // No prompt before it, so that its end is seen as soon as it comes.
      const chain = new RunnableWithSession({ runnable: model, getMessageHistory: open });
      const outcome = await chain
        .stream("Hi", { ...config(), signal: stop.signal })
        .then((stream) => read(stream, 99))
        .catch((error: unknown) => error);
      await expect.poll(() => open().length(), { interval: 1 }).toBeGreaterThan(0);
      const whole = ["human: Hi", "ai: answer"];
      const ends = [["human!: Hi"], ["human: Hi", "ai!: answer"], whole];
      expect(ends, `${moment}`).toContainEqual(await stored());
      if (outcome === undefined) expect(await stored()).toEqual(whole);
      await new Promise(setImmediate);
      expect(ends, `${moment}`).toContainEqual(await stored());
    }
  });

  test("may have any reason", async () => {
    for (const reason of ["a text", undefined, { an: "object" }]) {
      const stop = new AbortController();
      const model = hanging(["Hel"]);
      const answer = chainOf(model).invoke({ input: "Hi" }, { ...config(), signal: stop.signal });
      await expect.poll(() => model.given.length).toBe(1);
      stop.abort(reason);
      await expect(answer).rejects.toThrow(Error);
    }
    await expect.poll(() => open().length()).toBe(3);
  });
});

describe("what is kept", () => {
  const call = (id: string | undefined, args: string): NonNullable<AIMessageChunk["tool_call_chunks"]>[number] =>
    id === undefined
      ? { type: "tool_call_chunk", index: 0, name: "weather", args }
      : { type: "tool_call_chunk", index: 0, name: "weather", args, id };

  test("of a tool call that was begun: the call, and an error in place of its result", async () => {
    const part = new AIMessageChunk({
      content: "Let me see.",
      tool_call_chunks: [call("c1", '{"city": "Os')],
    });
    const stream = await chainOf(hanging([part])).stream({ input: "Weather?" }, config());
    for await (const _part of stream) break;
    const [human, ai, result] = await open().getMessages();
    expect([human?.type, ai?.type, result?.type]).toEqual(["human", "ai", "tool"]);
    expect(ai).toMatchObject({ tool_calls: [{ id: "c1", name: "weather" }], response_metadata: { interrupted: true } });
    expect(result).toMatchObject({ tool_call_id: "c1", status: "error" });
  });

  test("of a tool call without an id yet: the text before it", async () => {
    const part = new AIMessageChunk({ content: "Let me see.", tool_call_chunks: [call(undefined, "{")] });
    const stream = await chainOf(hanging([part])).stream({ input: "Weather?" }, config());
    for await (const _part of stream) break;
    const [, ai, ...others] = await open().getMessages();
    expect(ai).toMatchObject({ content: "Let me see.", tool_calls: [] });
    expect(others).toEqual([]);
  });

  test.each<[string, AIMessageChunk]>([
    ["an empty text", new AIMessageChunk("")],
    ["no blocks", new AIMessageChunk({ content: [] })],
    ["a text block without text yet", new AIMessageChunk({ content: [{ type: "text", text: "" }] })],
    ["white space", new AIMessageChunk("\n\n")],
  ])("of an answer that is %s: nothing, as providers refuse it", async (_what, part) => {
    const stream = await chainOf(hanging([part])).stream({ input: "Hi" }, config());
    for await (const _part of stream) break;
    expect(await stored()).toEqual(["human!: Hi"]);
  });

  test("is read by the next turn", async () => {
    const stream = await chainOf(hanging(["Hel", "lo"])).stream({ input: "Hi" }, config());
    await read(stream, 1, () => void stream.return()).catch(() => {});
    const model = answering();
    await chainOf(model).invoke({ input: "again" }, config());
    expect(lines(model.given[0] ?? [])).toEqual(["human: Hi", expect.stringMatching(/^ai!: Hel/), "human: again"]);
  });

  test("leaves the caller's messages as they are", async () => {
    const said = new AIMessage("mine");
    const chain = new RunnableWithSession({ runnable: failing(), getMessageHistory: open });
    await expect(chain.invoke([said], config())).rejects.toThrow("out of order");
    expect(said.response_metadata).toEqual({});
  });
});
