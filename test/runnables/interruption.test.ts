// A turn that does not come to its end: what the user said and what was answered so far is kept, once, marked, and such
// that a provider accepts it; or nothing is, on request.
import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import { describe, expect, test } from "vitest";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { lines } from "./support/conversation.js";
import { interruptible, read } from "./support/interruptible.js";
import { answering, hanging, ScriptedModel } from "../support/scripted-model.js";

const { open, stored, storedSoon, config, chainOf } = interruptible();

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
