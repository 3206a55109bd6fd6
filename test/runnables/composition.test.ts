// A Runnable among others: in sequences, bound, retried, with fallbacks, in batches.
import type { BaseMessage } from "@langchain/core/messages";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { RunnableLambda, RunnablePassthrough } from "@langchain/core/runnables";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test, vi } from "vitest";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { freshId } from "../support/turns.js";
import { lines } from "./support/conversation.js";
import { answering, ScriptedModel } from "../support/scripted-model.js";

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
const open = (id = sessionId): RedisChatMessageHistory => new RedisChatMessageHistory({ client, sessionId: id });
const stored = async (id?: string): Promise<string[]> => lines(await open(id).getMessages());
const config = () => ({ configurable: { sessionId } });
const chainOf = (runnable: ScriptedModel = answering()) =>
  new RunnableWithSession<unknown, BaseMessage>({ runnable: runnable as never, getMessageHistory: open });

async function collect<Part>(stream: Promise<AsyncIterable<Part>>): Promise<Part[]> {
  const parts: Part[] = [];
  for await (const part of await stream) parts.push(part);
  return parts;
}

describe("in a sequence", () => {
  const before = RunnableLambda.from((input: string) => `${input}!`);
  const after = new StringOutputParser();
  const sequences = {
    first: () => chainOf().pipe(after),
    middle: () => before.pipe(chainOf()).pipe(after),
    last: () => before.pipe(chainOf()),
  };
  test.each(Object.entries(sequences))("in the %s place it is invoked, and its turn is stored", async (place, make) => {
    const answer = await make().invoke("Hi", config());
    const said = place === "first" ? "Hi" : "Hi!";
    expect(typeof answer === "string" ? answer : answer.text).toBe(`re: ${said}`);
    expect(await stored()).toEqual([`human: ${said}`, `ai: re: ${said}`]);
  });

  test.each(Object.entries(sequences))("in the %s place it streams part after part", async (place, make) => {
    const parts = await collect<string | BaseMessage>(make().stream("Hi", config()));
    const said = place === "first" ? "Hi" : "Hi!";
    expect(parts.map((part) => (typeof part === "string" ? part : part.text)).filter(Boolean)).toEqual([
      "re",
      ": ",
      said,
    ]);
    expect(await stored()).toEqual([`human: ${said}`, `ai: re: ${said}`]);
  });

  test("the stream closes only when the turn is stored", async () => {
    for (const make of Object.values(sequences)) {
      sessionId = freshId();
      await collect<unknown>(make().stream("Hi", config()));
      expect(await open().length()).toBe(2);
    }
  });

  test("one conversation inside another chain's branches", async () => {
    const both = RunnablePassthrough.assign({ answer: RunnableLambda.from((input: { said: string }) => input.said).pipe(chainOf()) }); // prettier-ignore
    const { answer } = (await both.invoke({ said: "Hi" }, config())) as { answer: BaseMessage };
    expect(answer.text).toBe("re: Hi");
  });
});

test("withConfig() binds a conversation, and what is passed with a call goes before it", async () => {
  const bound = chainOf().withConfig(config());
  await bound.invoke("one");
  await collect(bound.stream("two"));
  const other = freshId();
  await bound.invoke("elsewhere", { configurable: { sessionId: other } });
  expect(await stored()).toEqual(["human: one", "ai: re: one", "human: two", "ai: re: two"]);
  expect(await stored(other)).toEqual(["human: elsewhere", "ai: re: elsewhere"]);
});

test("withRetry() runs a turn again that failed, and the answer is stored", async () => {
  let attempts = 0;
  const flaky = new ScriptedModel(async function* () {
    attempts += 1;
    if (attempts === 1) throw new Error("out of order");
    yield "answer";
  });
  const chain = new RunnableWithSession<unknown, BaseMessage>({
    runnable: flaky as never,
    getMessageHistory: open,
    onInterrupt: "discard",
  });
  await chain.withRetry({ stopAfterAttempt: 2 }).invoke("Hi", config());
  expect(await stored()).toEqual(["human: Hi", "ai: answer"]);
});

test("withFallbacks() goes on with another chain; what the first was told stays marked as interrupted", async () => {
  const failing = new ScriptedModel(async function* () {
    yield "Hel";
    throw new Error("out of order");
  });
  await chainOf(failing).withFallbacks([chainOf()]).invoke("Hi", config());
  expect(await stored()).toEqual(["human!: Hi", "human: Hi", "ai: re: Hi"]);
});

test("withListeners() hears start and end", async () => {
  const heard: string[] = [];
  const chain = chainOf().withListeners({
    onStart: (run) => void heard.push(`start ${run.name}`),
    onEnd: (run) => void heard.push(`end ${run.name}`),
  });
  await chain.invoke("Hi", config());
  expect(heard).toEqual(["start RunnableWithSession", "end RunnableWithSession"]);
});

test("pick() and assign() work on an object that it answers", async () => {
  const chain = new RunnableWithSession({
    runnable: RunnableLambda.from((_input: unknown) => ({ output: "answer", source: "book" })),
    getMessageHistory: open,
  });
  expect(await chain.pick("source").invoke("Hi", config())).toBe("book");
  const assigned = chain.assign({ length: (value: { output: string }) => value.output.length });
  expect(await assigned.invoke("Hi", config())).toEqual({ output: "answer", source: "book", length: 6 });
  expect(await stored()).toHaveLength(4);
});

test("getGraph() draws it", () => {
  expect(chainOf().getGraph().drawMermaid()).toContain("RunnableWithSession");
});

describe("batch()", () => {
  test("with one config runs turns of one conversation, each whole", async () => {
    const said = Array.from({ length: 20 }, (_, turn) => `turn ${turn}`);
    const answers = await chainOf().batch(said, config());
    expect(answers.map(({ text }) => text)).toEqual(said.map((text) => `re: ${text}`));
    const all = await stored();
    for (let turn = 0; turn < 20; turn++) {
      expect(all[2 * turn + 1]).toBe(`ai: re: ${all[2 * turn]?.slice("human: ".length)}`);
    }
  });

  test("with several configs keeps conversations apart", async () => {
    const ids = [freshId(), freshId()];
    await chainOf().batch(ids, ids.map((id) => ({ configurable: { sessionId: id } }))); // prettier-ignore
    for (const id of ids) expect(await stored(id)).toEqual([`human: ${id}`, `ai: re: ${id}`]);
  });

  test("runs no more at once than maxConcurrency", async () => {
    let running = 0;
    let most = 0;
    const counting = new ScriptedModel(async function* () {
      running += 1;
      most = Math.max(most, running);
      // The first waits for a second, which a busy machine may begin much later.
      await vi.waitUntil(() => most >= 2, { interval: 1, timeout: 10_000 });
      await new Promise(setImmediate);
      running -= 1;
      yield "answer";
    });
    await chainOf(counting).batch(Array.from({ length: 10 }, String), { ...config(), maxConcurrency: 2 });
    expect(most).toBe(2);
  });

  test("rejects with the first error, or returns errors among the answers", async () => {
    const failing = new ScriptedModel(async function* (messages) {
      if (messages.at(-1)?.text === "fail") throw new Error("out of order");
      yield "answer";
    });
    await expect(chainOf(failing).batch(["fail", "work"], config())).rejects.toThrow("out of order");
    const outcomes: unknown[] = await chainOf(failing).batch(["work", "fail"], config(), { returnExceptions: true });
    expect(outcomes.map((outcome) => outcome instanceof Error)).toEqual([false, true]);
  });
});

test("streamLog() and events of version 1 come through, and the turn is stored", async () => {
  const chain = chainOf();
  let last: unknown;
  for await (const patch of chain.streamLog("Hi", config())) last = patch;
  expect(last).toBeDefined();
  const names: string[] = [];
  for await (const { event } of chain.streamEvents("Hi", { ...config(), version: "v1" })) names.push(event);
  expect(names.at(0)).toBe("on_chain_start");
  expect(names.at(-1)).toBe("on_chain_end");
  expect(await stored()).toHaveLength(4);
});

test("a run id that is given names the run itself, and none inside", async () => {
  const runId = crypto.randomUUID();
  const seen: string[] = [];
  const handler = {
    handleChainStart: (_chain: unknown, _inputs: unknown, id: string) => void seen.push(id),
    handleChatModelStart: (_model: unknown, _messages: unknown, id: string) => void seen.push(id),
  };
  await chainOf().invoke("Hi", { ...config(), runId, callbacks: [handler] });
  await collect(chainOf().stream("Hi", { ...config(), runId, callbacks: [handler] }));
  expect(seen.filter((id) => id === runId)).toHaveLength(2);
  expect(seen).toHaveLength(4);
});
