// A turn that is aborted at one moment or another: the caller is told at once, and the turn is stored once, in part or
// whole.
import { AIMessage } from "@langchain/core/messages";
import { RunnableLambda } from "@langchain/core/runnables";
import { FakeStreamingChatModel } from "@langchain/core/utils/testing";
import { describe, expect, test, vi } from "vitest";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { conversationOf } from "../../src/chat-history/history.js";
import { interruptible, read } from "./support/interruptible.js";
import { answering, hanging, ScriptedModel } from "../support/scripted-model.js";

const { open, stored, storedSoon, config, chainOf, another } = interruptible();

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
      another();
      const stop = new AbortController();
      const called = vi.fn<(value: unknown) => string>(() => "answer");
      const chain = new RunnableWithSession({
        runnable: RunnableLambda.from(called),
        getMessageHistory: () => {
          const history = open();
          vi.spyOn(conversationOf(history), "begin").mockImplementation(async () => {
            stop.abort(new Error("enough"));
            return { past: [], fence: undefined, repeats: false, replaced: undefined };
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
      another();
      const stop = new AbortController();
      const chain = new RunnableWithSession({
        runnable: answering(),
        getMessageHistory: () => {
          const history = open();
          const conversation = conversationOf(history);
          const append = conversation.append.bind(conversation);
          vi.spyOn(conversation, "append").mockImplementation(async (...write) => {
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

  test("at any moment leaves the turn stored once", async () => {
    for (let moment = 0; moment < 60; moment++) {
      another();
      const stop = new AbortController();
      const abortLater = async (): Promise<void> => {
        for (let step = 0; step < moment; step++) await Promise.resolve();
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
