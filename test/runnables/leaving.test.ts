// A stream whose reader leaves, in whatever way, or never comes back: the model is stopped, and its part is stored.
import { StringOutputParser } from "@langchain/core/output_parsers";
import { RunnableLambda } from "@langchain/core/runnables";
import { describe, expect, test, vi } from "vitest";
import type { RedisChatMessageHistory } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { conversationOf } from "../../src/chat-history/history.js";
import { interruptible } from "./support/interruptible.js";
import { answering, hanging, ScriptedModel } from "../support/scripted-model.js";

const conversation = interruptible();
const { open, stored, config, chainOf } = conversation;

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

  test("by a break: the loop goes on only when the part is stored, and an error of the model comes only then", async () => {
    let written = false;
    const slow = (): RedisChatMessageHistory => {
      const history = open();
      const opened = conversationOf(history);
      const append = opened.append.bind(opened);
      vi.spyOn(opened, "append").mockImplementation(async (...write) => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        await append(...write);
        written = true;
      });
      return history;
    };
    const failing = new ScriptedModel(async function* () {
      yield "Hel";
      throw new Error("out of order");
    });
    const chain = new RunnableWithSession({ runnable: hanging(["Hel"]), getMessageHistory: slow });
    for await (const _part of await chain.stream("Hi", config())) break;
    expect(written).toBe(true);
    written = false;
    await expect(
      new RunnableWithSession({ runnable: failing, getMessageHistory: slow }).invoke("Hi", config()),
    ).rejects.toThrow("out of order");
    expect(written).toBe(true);
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
      await expect(chain.invoke({ input: "another" }, config())).rejects.toMatchObject({ code: "CONVERSATION_BUSY" });
      vi.advanceTimersByTime(2_000);
      await vi.waitFor(async () => expect((await stored())[0]).toBe("human: Hi"));
      expect((await stored())[1]).toMatch(/^ai!: Hel/);
      expect(await conversation.client.exists(`chat:history:{${conversation.sessionId}}:lease`)).toBe(0);
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
