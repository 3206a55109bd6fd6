import { getEventListeners } from "node:events";
import { inspect } from "node:util";
import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { type AgentMiddleware, createAgent, createMiddleware, tool } from "langchain";
import { describe, expect, inject, test, vi } from "vitest";
import { z } from "zod";
import {
  ConversationChangedError,
  SessionNotFoundError,
  SessionStore,
  TurnNotStoredError,
} from "langchain-redis-sessions";
import { sessionMiddleware, type SessionMiddlewareOptions } from "langchain-redis-sessions/agents";
import { faultyProxy } from "langchain-redis-sessions/testing";
import { OpenConversation } from "../../src/chat-history/open-conversation.js";
import { calling, never, ScriptedModel } from "../support/scripted-model.js";
import { client, session, sessions, stored } from "./support/sessions.js";

const slow = tool((_input, { signal }: { signal?: AbortSignal }) => never([], signal), {
  name: "slow",
  description: "Never comes to an end",
  schema: z.object({}),
});
const quick = tool(() => "done", { name: "quick", description: "Is done at once", schema: z.object({}) });

const agentOf = (model: ScriptedModel, options: Partial<SessionMiddlewareOptions> = {}) =>
  createAgent({ model, tools: [slow, quick], middleware: [sessionMiddleware({ sessions, ...options })] });

/** "ai: text", with "!" where a message is marked as interrupted. */
const summary = (messages: readonly BaseMessage[]): string[] =>
  messages.map(({ type, text, response_metadata }) => `${type}${response_metadata["interrupted"] ? "!" : ""}: ${text}`);
const kept = async (): Promise<string[]> => summary(await stored());

/** Aborts as soon as the model was asked, or said the word. */
function aborting(model: ScriptedModel, after?: string): AbortSignal {
  const controller = new AbortController();
  if (after === undefined) {
    void vi
      .waitFor(() => expect(model.given).toHaveLength(1), { interval: 5, timeout: 10_000 })
      .then(() => controller.abort());
  } else {
    model.afterWord = (word) => {
      if (word !== after) return Promise.resolve();
      controller.abort();
      return never([], controller.signal);
    };
  }
  return controller.signal;
}

describe("what an interrupted run leaves", () => {
  test("invoke, aborted: the user's message", async () => {
    const model = new ScriptedModel(never);
    const signal = aborting(model);
    await expect(agentOf(model).invoke({ messages: "Hi" }, { context: { session }, signal })).rejects.toThrow(
      /abort/iu,
    );
    await expect.poll(kept).toEqual(["human!: Hi"]);
    await vi.waitFor(() => expect(model.stopped).toBe(true));
  });

  test("invoke, timed out: the user's message", async () => {
    // Not `timeout: 50`: LangChain makes a signal of it that Node 20 may collect as garbage before it fires.
    const signal = AbortSignal.timeout(1_000);
    const call = agentOf(new ScriptedModel(never)).invoke({ messages: "Hi" }, { context: { session }, signal });
    await expect(call).rejects.toThrow(/abort/iu);
    await expect.poll(kept).toEqual(["human!: Hi"]);
  });

  test("invoke, the model fails: the user's message, and the model's error is the cause", async () => {
    const failure = new Error("no model today");
    const call = agentOf(new ScriptedModel(failure)).invoke({ messages: "Hi" }, { context: { session } });
    await expect(call).rejects.toMatchObject({ message: "no model today", cause: failure });
    await expect.poll(kept).toEqual(["human!: Hi"]);
  });

  test("stream, aborted in the middle of an answer: what was said", async () => {
    const model = new ScriptedModel("one two three");
    const signal = aborting(model, "two");
    const stream = await agentOf(model).stream(
      { messages: "Hi" },
      { context: { session }, signal, streamMode: "messages" },
    );
    await expect(async () => {
      for await (const _ of stream);
    }).rejects.toThrow(/abort/iu);
    await expect.poll(kept).toEqual(["human: Hi", "ai!: one two "]);
  });

  test("stream, broken off in the middle of an answer: what was said", async () => {
    const model = new ScriptedModel("one two three");
    model.afterWord = (word) => (word === "two" ? new Promise(() => {}) : Promise.resolve());
    const stream = await agentOf(model).stream({ messages: "Hi" }, { context: { session }, streamMode: "messages" });
    for await (const [message] of stream) if (message.text.trim() === "two") break;
    await expect.poll(kept).toEqual(["human: Hi", "ai!: one two "]);
  });

  test("streamEvents, broken off: the user's message and what was said", async () => {
    const model = new ScriptedModel("one two three");
    model.afterWord = (word) => (word === "two" ? new Promise(() => {}) : Promise.resolve());
    const events = agentOf(model).streamEvents({ messages: "Hi" }, { context: { session }, version: "v2" });
    for await (const { event, data } of events) {
      if (event === "on_chat_model_stream" && String(data.chunk?.text).trim() === "two") break;
    }
    await expect.poll(kept).toEqual(["human: Hi", "ai!: one two "]);
  });

  test("stream, the model fails in the middle of an answer: what was said", async () => {
    const model = new ScriptedModel("one two three");
    model.afterWord = (word) => (word === "two" ? Promise.reject(new Error("line cut")) : Promise.resolve());
    const stream = await agentOf(model).stream({ messages: "Hi" }, { context: { session }, streamMode: "messages" });
    await expect(async () => {
      for await (const _ of stream);
    }).rejects.toThrow("line cut");
    await expect.poll(kept).toEqual(["human: Hi", "ai!: one two "]);
  });

  test("aborted while tools run: their calls are answered, so that the next turn is valid", async () => {
    const model = new ScriptedModel(calling(["slow", {}], ["quick", {}]), "Fine.");
    const controller = new AbortController();
    const agent = agentOf(model);
    const stream = await agent.stream(
      { messages: "Hi" },
      { context: { session }, signal: controller.signal, streamMode: "updates" },
    );
    await expect(async () => {
      for await (const update of stream) if ("model_request" in update) controller.abort();
    }).rejects.toThrow(/abort/iu);
    const unanswered = "tool!: The turn was interrupted before this returned a result.";
    await expect.poll(kept).toEqual(["human: Hi", "ai!: ", unanswered, unanswered]);
    await agent.invoke({ messages: "Still there?" }, { context: { session } });
    expect(model.given.at(-1)?.map(({ type }) => type)).toEqual(["human", "ai", "tool", "tool", "human"]);
    expect((await stored()).map((message) => ("status" in message ? message.status : undefined))).toContain("error");
  });

  test("aborted while the model is asked again: each message once", async () => {
    const model = new ScriptedModel(calling(["quick", {}]), never);
    const controller = new AbortController();
    void vi
      .waitFor(() => expect(model.given).toHaveLength(2), { interval: 5, timeout: 10_000 })
      .then(() => controller.abort());
    const call = agentOf(model).invoke({ messages: "Hi" }, { context: { session }, signal: controller.signal });
    await expect(call).rejects.toThrow(/abort/iu);
    await expect.poll(kept).toEqual(["human: Hi", "ai: ", "tool!: done"]);
  });

  test('with "discard": nothing', async () => {
    const model = new ScriptedModel("one two three");
    const signal = aborting(model, "two");
    const agent = agentOf(model, { onInterrupt: "discard", concurrency: "reject" });
    const stream = await agent.stream({ messages: "Hi" }, { context: { session }, signal, streamMode: "messages" });
    await expect(async () => {
      for await (const _ of stream);
    }).rejects.toThrow(/abort/iu);
    // The conversation is free again at once, so whatever the turn had to do is done.
    model.afterWord = () => Promise.resolve();
    await vi.waitFor(() => agent.invoke({ messages: "Again" }, { context: { session } }), { interval: 20 });
    expect(summary(await stored())).toEqual(["human: Again", "ai: one two three"]);
  });
});

test("when the session is ended elsewhere, the model stops and nothing is written", async () => {
  const elsewhere = new SessionStore({ client });
  const model = new ScriptedModel("one two three");
  model.afterWord = async (word) => {
    if (word !== "two") return;
    await elsewhere.endAll(session);
    await new Promise(() => {});
  };
  const { conversationId } = session;
  const told: unknown[] = [];
  const agent = agentOf(model, { onError: (error) => told.push(error) });
  const stream = await agent.stream({ messages: "Hi" }, { context: { session }, streamMode: "messages" });
  const reading = (async () => {
    for await (const _ of stream);
  })();
  await expect(reading).rejects.toMatchObject({ cause: expect.any(SessionNotFoundError) });
  await vi.waitFor(() => expect(model.stopped).toBe(true));
  await expect(elsewhere.conversations.messages(session, conversationId)).rejects.toThrow("no such conversation");
  expect(told).toHaveLength(0);
  await elsewhere.close();
});

test("an answer that cannot be stored is not lost", async () => {
  await sessions.history(session).addMessages([new HumanMessage("before")]);
  const model = new ScriptedModel(async () => {
    await sessions.conversations.delete(session, session.conversationId);
    return "the answer";
  });
  const call = agentOf(model).invoke({ messages: "Hi" }, { context: { session } });
  const error: unknown = await call.catch((failure: unknown) => failure);
  if (!(error instanceof TurnNotStoredError)) throw error;
  expect(error.cause).toBeInstanceOf(ConversationChangedError);
  expect((error.output as { messages: BaseMessage[] }).messages.at(-1)?.text).toBe("the answer");
  expect(inspect(error) + JSON.stringify(error)).not.toContain("the answer");
  expect(await stored()).toHaveLength(0);
});

test("Redis goes silent between the answer and the write: the call rejects in time, and retry() stores the turn once", async () => {
  const { single } = inject("servers");
  await using proxy = await faultyProxy(single);
  const through = new Redis({ host: proxy.host, port: proxy.port });
  through.on("error", () => {});
  const silenced = new SessionStore({ client: through, deadline: 0.5 });
  const model = new ScriptedModel(() => {
    proxy.blackhole();
    return "the answer";
  });
  const agent = agentOf(model, { sessions: silenced });
  const error: unknown = await agent
    .invoke({ messages: "Hi" }, { context: { session } })
    .catch((failure: unknown) => failure);
  if (!(error instanceof TurnNotStoredError)) throw error;
  expect(error.cause).toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: true });
  await proxy.heal();
  await vi.waitFor(() => error.retry(), { timeout: 10_000 });
  await error.retry();
  expect(summary(await stored())).toEqual(["human: Hi", "ai: the answer"]);
  await silenced.close();
  through.disconnect();
});

test("a partial turn that cannot be stored is told to onError", async () => {
  const told: TurnNotStoredError[] = [];
  const model = new ScriptedModel(async () => {
    await sessions.conversations.delete(session, session.conversationId);
    throw new Error("no model today");
  });
  await sessions.history(session).addMessages([new HumanMessage("before")]);
  const agent = agentOf(model, { onError: (error) => told.push(error) });
  await expect(agent.invoke({ messages: "Hi" }, { context: { session } })).rejects.toThrow("no model today");
  await vi.waitFor(() => expect(told).toHaveLength(1));
  expect(told[0]?.cause).toMatchObject({ code: "CONVERSATION_CHANGED" });
  expect(await stored()).toHaveLength(0);
});

test("a turn that could not be stored when its call was aborted meanwhile is told to onError", async () => {
  const controller = new AbortController();
  const told: TurnNotStoredError[] = [];
  const append = vi.spyOn(OpenConversation.prototype, "append").mockImplementationOnce(async () => {
    controller.abort();
    await new Promise(setImmediate);
    throw new Error("no Redis today");
  });
  const agent = agentOf(new ScriptedModel("the answer"), { onError: (error) => told.push(error) });
  const call = agent.invoke({ messages: "Hi" }, { context: { session }, signal: controller.signal });
  await expect(call).rejects.toThrow(/abort/iu);
  await vi.waitFor(() => expect(told).toHaveLength(1));
  append.mockRestore();
  expect(inspect(told[0]) + JSON.stringify(told[0])).not.toContain("the answer");
  await told[0]?.retry();
  expect(await kept()).toEqual(["human: Hi", "ai: the answer"]);
});

test("a call that was aborted before it began calls no model and stores nothing", async () => {
  const model = new ScriptedModel("never said");
  const call = agentOf(model).invoke({ messages: "Hi" }, { context: { session }, signal: AbortSignal.abort() });
  await expect(call).rejects.toThrow(/abort/iu);
  expect(model.given).toHaveLength(0);
  expect(await stored()).toHaveLength(0);
});

test("a stream that nobody reads comes to its end and is stored", async () => {
  const model = new ScriptedModel(calling(["quick", {}]), "Done.");
  await agentOf(model).stream({ messages: "Hi" }, { context: { session }, streamMode: "updates" });
  await expect.poll(kept).toEqual(["human: Hi", "ai: ", "tool: done", "ai: Done."]);
});

test.each(["values", "updates", "debug", "tasks"] as const)(
  "a stream of %s that is left is kept",
  async (streamMode) => {
    const model = new ScriptedModel(calling(["slow", {}]));
    const stream = await agentOf(model).stream({ messages: "Hi" }, { context: { session }, streamMode });
    for await (const _ of stream) if (model.given.length > 0) break;
    await vi.waitFor(async () => expect((await kept())[0]).toMatch(/^human!?: Hi$/u));
  },
);

test("nothing of a run that is over is held by its signal, which may last", async () => {
  let signal: AbortSignal | undefined;
  const spy = createMiddleware({
    name: "Spy",
    beforeModel: (_state, { configurable }) => {
      const signals = configurable?.["__pregel_abort_signals"] as { externalAbortSignal: AbortSignal };
      signal = signals.externalAbortSignal;
    },
  });
  for (const answer of ["Hello.", new Error("no model today")]) {
    const ours = sessionMiddleware({ sessions }) as unknown as AgentMiddleware;
    const agent = createAgent({ model: new ScriptedModel(answer), tools: [], middleware: [ours, spy] });
    const lasting = new AbortController();
    await agent.invoke({ messages: "Hi" }, { context: { session }, signal: lasting.signal }).catch(() => {});
    await vi.waitFor(() => expect(getEventListeners(signal as AbortSignal, "abort")).toHaveLength(0));
  }
});
