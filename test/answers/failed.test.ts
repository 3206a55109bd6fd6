// P14: an answer whose turn was answered and could not be stored ends with `failed`, as far as Redis is there.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { createAgent } from "langchain";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { type Answer, SessionStore, TurnNotStoredError } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { damaged } from "../past/support/damaged.js";
import { closingIn } from "../support/closing.js";
import { ScriptedModel } from "../support/scripted-model.js";
import { client } from "../support/session-store.js";
import { Answering, heard, reason } from "./support/answering.js";

const { keep, through } = closingIn(afterEach);
let user: Answering;
beforeEach(async () => {
  user = await Answering.on(client);
});
afterEach(() => user.close());

/** Runs a turn, through a store of its own. */
type Run = (store: SessionStore, answer: Answer) => Promise<unknown>;
const runs: Record<string, Run> = {
  "a runnable": (sessions, answer) =>
    new RunnableWithSession({ runnable: new ScriptedModel("Hello"), sessions }).invoke("Hi", {
      configurable: { session: user.session, answer },
    }),
  "an agent": (sessions, answer) =>
    createAgent({
      model: new ScriptedModel("Hello"),
      tools: [],
      middleware: [sessionMiddleware({ sessions })],
    }).invoke({ messages: [new HumanMessage("Hi")] }, { context: { session: user.session, answer } }),
  "store() by hand": (_, answer) => answer.store([new AIMessage("Hello")]),
};

/** A store in which the last part of a turn meets Redis without memory, until it is mended. */
function fullStore(): { store: SessionStore; mend: () => void } {
  let isFull = true;
  const full = damaged(
    client,
    "local replaced, stay = standing(note, held[4], turnOperation, turn, #encoded)",
    'if ending == "stored" then return redis.error_reply("OOM command not allowed") end\n' +
      "local replaced, stay = standing(note, held[4], turnOperation, turn, #encoded)",
  );
  const switching = new Proxy(client, {
    get: (_, name) => {
      const target: object = isFull ? full : client;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  return { store: new SessionStore({ client: switching, keyPrefix: user.keyPrefix }), mend: () => (isFull = false) };
}

/** The TurnNotStoredError, as langchain passes it on. */
const notStored = async (work: Promise<unknown>): Promise<TurnNotStoredError> => {
  const error = await reason(work);
  const found = error instanceof TurnNotStoredError ? error : (error as Error | undefined)?.cause;
  expect(found).toBeInstanceOf(TurnNotStoredError);
  return found as TurnNotStoredError;
};

describe.each(Object.entries(runs))("%s", (_, run) => {
  test("that is retried before close() is stored", async () => {
    const { store, mend } = fullStore();
    const answer = await store.answers(user.session).begin({ operationId: "one", input: "Hi" });
    answer.send("Hello");
    const error = await notStored(run(store, answer));
    expect(error.cause).toMatchObject({ code: "STORAGE_FULL" });
    mend();
    await error.retry();
    await answer.close();
    expect(await user.stored()).toEqual(["human: Hi", "ai: Hello"]);
    expect(await heard(user.answers)).toEqual(["Hello", { end: "stored" }]);
    expect(await user.answers.current()).toBeUndefined();
    await store.close();
  });

  test("that is closed has failed, its question is offered, and a repeated request answers it once", async () => {
    const { store, mend } = fullStore();
    const answer = await store.answers(user.session).begin({ operationId: "one", input: "Hi" });
    answer.send("Hello");
    const error = await notStored(run(store, answer));
    await answer.close();
    expect(await heard(user.answers)).toEqual(["Hello", { end: "failed" }]);
    expect(await user.answers.current()).toMatchObject({ operationId: "one", state: "interrupted" });
    expect(await user.stored()).toEqual(["human: Hi"]);
    mend();
    const again = await user.begin();
    await run(user.store, again);
    await again.close();
    // What comes late is refused: the answer is stored.
    expect(await reason(error.retry())).toBeDefined();
    expect(await user.stored()).toEqual(["human: Hi", "ai: Hello"]);
    expect(await heard(user.answers)).toEqual([{ end: "stored" }]);
    await store.close();
  });

  test("that is retried after close(), while no other turn came, is stored", async () => {
    const { store, mend } = fullStore();
    const answer = await store.answers(user.session).begin({ operationId: "one", input: "Hi" });
    const error = await notStored(run(store, answer));
    await answer.close();
    mend();
    await error.retry();
    expect(await user.stored()).toEqual(["human: Hi", "ai: Hello"]);
    expect(await user.answers.current()).toBeUndefined();
    expect(await heard(user.answers)).toEqual([{ end: "stored" }]);
    await store.close();
  });
});

test("an answer whose Redis is away as it is stored: close() gives up in time, and others hear of it when the lease is over", async () => {
  const proxy = await through(inject("servers").single);
  const faulty = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: 0, retryStrategy: () => 50 }));
  const store = new SessionStore({ client: faulty, keyPrefix: user.keyPrefix, deadline: 1 });
  const answer = await store.answers(user.session).begin({ operationId: "one", input: "Hi", lease: 2 });
  proxy.blackhole();
  answer.send("Hello");
  const error = await notStored(answer.store([new AIMessage("Hello")]));
  expect(error.cause).toMatchObject({ code: "STORE_UNAVAILABLE" });
  await answer.close();
  expect(await heard(user.answers)).toEqual([{ end: "interrupted" }]);
  expect(await user.answers.current()).toMatchObject({ state: "interrupted" });
  await proxy.heal();
  await store.close();
});
