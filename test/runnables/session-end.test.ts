// With sessions, a session's end stops its turns, wherever it comes from, and nothing of them is written afterwards.
import { type BaseMessage } from "@langchain/core/messages";
import { Runnable } from "@langchain/core/runnables";
import { IterableReadableStream } from "@langchain/core/utils/stream";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from "vitest";
import {
  type TurnOptions,
  InvalidOptionError,
  type Session,
  SessionNotFoundError,
  SessionStore,
  TurnNotStoredError,
} from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { faultyProxy } from "langchain-redis-sessions/testing";
import { freshId } from "../support/turns.js";
import { lines } from "./support/conversation.js";
import { answering, hanging, ScriptedModel } from "../support/scripted-model.js";

const { single } = inject("servers");
let client: Redis;
/** Two processes as far as Redis can tell. */
let here: SessionStore;
let elsewhere: SessionStore;
beforeAll(() => {
  client = new Redis(single);
  const keyPrefix = freshId();
  here = new SessionStore({ client, keyPrefix });
  elsewhere = new SessionStore({ client, keyPrefix, maxSessionsPerUser: 1 });
});
afterAll(async () => {
  await Promise.all([here.close(), elsewhere.close()]);
  await client.quit();
});

const warnings: Error[] = [];
const onWarning = (warning: Error): void => void warnings.push(warning);
let userId: string;
let token: string;
let session: Session;
beforeEach(async () => {
  process.on("warning", onWarning);
  userId = freshId();
  ({ token, session } = await here.create({ userId, agentId: "support" }));
});
afterEach(() => {
  process.off("warning", onWarning);
  if (warnings.length > 0) throw new Error("Warnings", { cause: warnings.splice(0) });
});

const config = () => ({ configurable: { session } });
/** Through another session of the same user. */
const stored = async (): Promise<string[]> => {
  const pages = await here.conversations.messages({ userId }, session.conversationId).catch(() => []);
  return lines(pages.map(({ message }) => message));
};
const chainOf = (runnable: ScriptedModel, options: TurnOptions = {}) =>
  new RunnableWithSession({ runnable, sessions: here, ...options });

test("turns of a session are stored in its conversation, and count", async () => {
  const chain = chainOf(answering());
  await chain.invoke("one", config());
  for await (const _part of await chain.stream("two", config()));
  expect(await stored()).toEqual(["human: one", "ai: re: one", "human: two", "ai: re: two"]);
  expect((await here.verify(token)).messageCount).toBe(4);
});

describe.each([
  ["is ended", "ended", () => elsewhere.end(token)],
  ["is pushed out by the limit", "evicted", () => elsewhere.create({ userId, agentId: "support" })],
  ["is ended with all others", "ended", () => elsewhere.endAll({ userId })],
])("a session that %s elsewhere", (_how, reason, end) => {
  test.each(["hears", "deaf"] as const)("stops a stream whose model %s it, and nothing is written", async (hearing) => {
    const stream = await chainOf(hanging(["Hel", "lo"], hearing)).stream("Hi", config());
    let read = 0;
    const reading = async (): Promise<void> => {
      for await (const _part of stream) {
        read += 1;
        if (read === 2) await end();
      }
    };
    await expect(reading()).rejects.toMatchObject({ code: "SESSION_NOT_FOUND", reason });
    expect(await stored()).toEqual([]);
  });

  test.each(["hears", "deaf"] as const)("stops a call whose model %s it, and nothing is written", async (hearing) => {
    const model = hanging(["Hello"], hearing);
    const answer = chainOf(model).invoke("Hi", config());
    answer.catch(() => {});
    await expect.poll(() => model.given.length).toBe(1);
    await end();
    await expect(answer).rejects.toBeInstanceOf(SessionNotFoundError);
    expect(await stored()).toEqual([]);
  });

  test("refuses a turn that had its answer already", async () => {
    const model = new ScriptedModel(async function* () {
      yield "Hello";
      await end();
    });
    const error: unknown = await chainOf(model)
      .invoke("Hi", config())
      .catch((failure: unknown) => failure);
    // By its signal, or by the script that would have written.
    const cause: unknown = error instanceof TurnNotStoredError ? error.cause : error;
    expect(cause).toMatchObject({ code: "SESSION_NOT_FOUND", reason });
    expect(await stored()).toEqual([]);
  });

  test("refuses the next turn before anything is run", async () => {
    await end();
    const model = answering();
    await expect(chainOf(model).invoke("Hi", config())).rejects.toMatchObject({ code: "SESSION_NOT_FOUND", reason });
    await expect(chainOf(model).stream("Hi", config())).rejects.toMatchObject({ code: "SESSION_NOT_FOUND", reason });
    expect(model.given).toEqual([]);
  });

  test("frees a conversation that its turn held", async () => {
    const model = hanging(["Hel"]);
    const running = chainOf(model, { concurrency: "reject" }).invoke("Hi", config());
    running.catch(() => {});
    await expect.poll(() => model.given.length).toBe(1);
    const [lease] = await client.keys(`*lease:${session.conversationId}`);
    expect(lease).toBeDefined();
    await end();
    await expect(running).rejects.toBeInstanceOf(SessionNotFoundError);
    await expect.poll(() => client.exists(String(lease)), { interval: 5 }).toBe(0);
  });
});

test("a session that ends stops a runnable that knows of no signals", async () => {
  class Deaf extends Runnable<unknown, string> {
    lc_namespace = ["test"];

    override async invoke(): Promise<string> {
      return new Promise(() => {});
    }

    override async stream(): Promise<IterableReadableStream<string>> {
      async function* parts(): AsyncGenerator<string> {
        yield "Hel";
        await new Promise(() => {});
      }
      return IterableReadableStream.fromAsyncGenerator(parts());
    }
  }
  const chain = new RunnableWithSession({ runnable: new Deaf(), sessions: here });
  const reading = async (): Promise<void> => {
    for await (const _part of await chain.stream("Hi", config())) await elsewhere.end(token);
  };
  await expect(reading()).rejects.toBeInstanceOf(SessionNotFoundError);
  await expect(chain.invoke("Hi", config())).rejects.toBeInstanceOf(SessionNotFoundError);
  expect(await stored()).toEqual([]);
});

test("a session whose conversation is changed meanwhile: the turn lands where it began", async () => {
  await chainOf(answering()).invoke("old", config());
  const model = new ScriptedModel(async function* () {
    await elsewhere.openConversation(session);
    yield "answer";
  });
  await chainOf(model).invoke("Hi", config());
  expect(await stored()).toEqual(["human: old", "ai: re: old", "human: Hi", "ai: answer"]);
});

test("a conversation that is deleted meanwhile is not written back", async () => {
  await chainOf(answering()).invoke("old", config());
  const model = new ScriptedModel(async function* () {
    await elsewhere.conversations.delete({ userId }, session.conversationId);
    yield "answer";
  });
  const error: unknown = await chainOf(model)
    .invoke("Hi", config())
    .catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(TurnNotStoredError);
  expect(await stored()).toEqual([]);
});

test("turns share one connection that listens, and none is left some time after the last of them", async () => {
  const keyPrefix = freshId();
  const store = new SessionStore({ client, keyPrefix });
  const own = await store.create({ userId, agentId: "support" });
  const chain = new RunnableWithSession({ runnable: answering(), sessions: store });
  const listening = async (): Promise<unknown> => (await client.pubsub("NUMSUB", `${keyPrefix}:session-endings`))[1];
  const stop = new AbortController();
  const long = new RunnableWithSession({ runnable: hanging([]), sessions: store });
  const running = long.invoke("Hi", { configurable: own, signal: stop.signal });
  running.catch(() => {});
  await Promise.all(Array.from({ length: 20 }, (_, turn) => chain.invoke(String(turn), { configurable: own })));
  await expect.poll(listening).toBe(1);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  stop.abort(new Error("enough"));
  await expect(running).rejects.toThrow("enough");
  await vi.waitFor(async () => expect(await store.history(own.session).length()).toBe(41));
  vi.advanceTimersByTime(5_000);
  vi.useRealTimers();
  await expect.poll(listening).toBe(0);
});

test("a value that is not a session is refused before anything runs", async () => {
  const model = answering();
  for (const wrong of [undefined, null, token, {}, { id: session.id }]) {
    const call = chainOf(model).invoke("Hi", { configurable: { session: wrong } });
    await expect(call, JSON.stringify(wrong)).rejects.toBeInstanceOf(InvalidOptionError);
  }
  await expect(chainOf(model).invoke("Hi")).rejects.toMatchObject({ option: "configurable.session" });
  expect(model.given).toEqual([]);
});

test("a plain turn is two round trips, one in line is three", async () => {
  const proxy = await faultyProxy(single);
  const through = new Redis({ port: proxy.port });
  const store = new SessionStore({ client: through, keyPrefix: freshId() });
  ({ session } = await store.create({ userId, agentId: "support" }));
  const commands = (): number =>
    ["EVALSHA", "EVAL", "LRANGE"].reduce((sum, name) => sum + proxy.requestsNamed(name), 0);
  for (const [concurrency, most] of [
    ["allow", 2],
    ["reject", 3],
    ["wait", 3],
  ] as const) {
    const chain = new RunnableWithSession({ runnable: answering(), sessions: store, concurrency });
    await chain.invoke("the server knows the scripts now", config());
    const before = commands();
    const messages: BaseMessage = await chain.invoke("Hi", config());
    expect(messages.text).toBe("re: Hi");
    expect(commands() - before, concurrency).toBe(most);
  }
  await store.close();
  through.disconnect();
  await proxy.close();
});
