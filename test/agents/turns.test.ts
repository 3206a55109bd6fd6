import { HumanMessage } from "@langchain/core/messages";
import { createAgent, tool } from "langchain";
import { expect, test } from "vitest";
import { z } from "zod";
import {
  InvalidOptionError,
  OperationConflictError,
  SessionNotFoundError,
  SessionStore,
} from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { texts } from "../support/turns.js";
import { client, session, sessions, stored, types } from "./support/sessions.js";

const weather = tool(({ city }) => `rain in ${city}`, {
  name: "weather",
  description: "The weather in a city",
  schema: z.object({ city: z.string() }),
});

test("each turn is stored once, with its tool calls, and the next one is given it", async () => {
  const model = new ScriptedModel(
    calling(["weather", { city: "Oslo" }], ["weather", { city: "Rome" }]),
    "Rain in both.",
    "As I said: rain.",
  );
  const agent = createAgent({ model, tools: [weather], middleware: [sessionMiddleware({ sessions })] });
  await agent.invoke({ messages: [new HumanMessage("Weather?")] }, { context: { session } });
  const { messages } = await agent.invoke({ messages: "And tomorrow?" }, { context: { session } });
  expect(texts(await stored())).toEqual([
    "Weather?",
    "",
    "rain in Oslo",
    "rain in Rome",
    "Rain in both.",
    "And tomorrow?",
    "As I said: rain.",
  ]);
  expect(texts(messages)).toEqual(texts(await stored()));
  expect(types(model.given.at(-1) ?? [])).toEqual(["human", "ai", "tool", "tool", "ai", "human"]);
});

test("a stream closes when its turn is stored, and says only what is new", async () => {
  const agent = createAgent({
    model: new ScriptedModel("one two", "three four"),
    tools: [],
    middleware: [sessionMiddleware({ sessions })],
  });
  for (const said of ["first", "second"]) {
    const heard: string[] = [];
    const stream = await agent.stream({ messages: said }, { context: { session }, streamMode: "messages" });
    for await (const [message] of stream) heard.push(message.text.trim());
    expect(heard).toEqual(said === "first" ? ["one", "two"] : ["three", "four"]);
  }
  expect(texts(await stored())).toEqual(["first", "one two", "second", "three four"]);
});

test("every stream mode stores the turn", async () => {
  for (const streamMode of ["values", "updates", "messages", "custom"] as const) {
    const agent = createAgent({
      model: new ScriptedModel("yes"),
      tools: [],
      middleware: [sessionMiddleware({ sessions })],
    });
    for await (const _ of await agent.stream({ messages: streamMode }, { context: { session }, streamMode }));
  }
  expect(texts(await stored())).toEqual(["values", "yes", "updates", "yes", "messages", "yes", "custom", "yes"]);
});

test("a call without a session is refused with an error that says what to do", async () => {
  const model = new ScriptedModel("never said");
  const agent = createAgent({ model, tools: [], middleware: [sessionMiddleware({ sessions })] });
  for (const context of [undefined, {}, { session: "text" }]) {
    const call = agent.invoke({ messages: "Hi" }, { context } as never);
    await expect(call).rejects.toThrow(InvalidOptionError);
    await expect(call).rejects.toThrow(/context\.session/);
  }
  expect(model.given).toHaveLength(0);
});

test("a session that has ended is refused before the model is called", async () => {
  const model = new ScriptedModel("never said");
  const agent = createAgent({ model, tools: [], middleware: [sessionMiddleware({ sessions })] });
  await sessions.endAll(session);
  await expect(agent.invoke({ messages: "Hi" }, { context: { session } })).rejects.toThrow(SessionNotFoundError);
  expect(model.given).toHaveLength(0);
});

test("a request that is repeated is refused before the model is called, once its turn is stored", async () => {
  const model = new ScriptedModel("yes");
  const agent = createAgent({ model, tools: [], middleware: [sessionMiddleware({ sessions })] });
  const call = (): Promise<unknown> =>
    agent.invoke({ messages: "Hi" }, { context: { session, operationId: "request-1" } });
  await call();
  await expect(call()).rejects.toThrow(OperationConflictError);
  expect(model.given).toHaveLength(1);
  expect(await stored()).toHaveLength(2);
});

test("a model that gives each answer the same id loses none", async () => {
  const { AIMessage } = await import("@langchain/core/messages");
  const model = new ScriptedModel(() => new AIMessage({ content: "again", id: "same" }));
  const agent = createAgent({ model, tools: [], middleware: [sessionMiddleware({ sessions })] });
  for (const said of ["one", "two"]) await agent.invoke({ messages: said }, { context: { session } });
  expect(texts(await stored())).toEqual(["one", "again", "two", "again"]);
});

test("what was stored without ids is told apart", async () => {
  await sessions.history(session).addMessages([new HumanMessage("ok"), new HumanMessage("ok")]);
  const agent = createAgent({
    model: new ScriptedModel("yes"),
    tools: [],
    middleware: [sessionMiddleware({ sessions })],
  });
  const { messages } = await agent.invoke({ messages: "ok" }, { context: { session } });
  expect(texts(messages)).toEqual(["ok", "ok", "ok", "yes"]);
  expect(texts(await stored())).toEqual(["ok", "ok", "ok", "yes"]);
});

test("an agent that is called without new messages answers what is stored", async () => {
  await sessions.history(session).addMessages([new HumanMessage("Hi")]);
  const agent = createAgent({
    model: new ScriptedModel("Hello."),
    tools: [],
    middleware: [sessionMiddleware({ sessions })],
  });
  await agent.invoke({ messages: [] }, { context: { session } });
  expect(texts(await stored())).toEqual(["Hi", "Hello."]);
});

test("the model is given the window, and all stays stored", async () => {
  const windowed = new SessionStore({ client, window: { messages: 3 } });
  const model = new ScriptedModel(calling(["weather", { city: "Oslo" }]), "Rain.", "Yes.");
  const agent = createAgent({ model, tools: [weather], middleware: [sessionMiddleware({ sessions: windowed })] });
  for (const said of ["Weather?", "Sure?", "Really?"]) await agent.invoke({ messages: said }, { context: { session } });
  expect(texts(model.given.at(-1) ?? [])).toEqual(["Sure?", "Yes.", "Really?"]);
  expect(await stored()).toHaveLength(8);
  await windowed.close();
});
