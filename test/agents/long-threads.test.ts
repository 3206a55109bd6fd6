// A thread's state holds more than the history's window shows: what is stored is known all the same, and stored once.
import { AIMessage, type BaseMessage, HumanMessage, RemoveMessage } from "@langchain/core/messages";
import { Command, MemorySaver } from "@langchain/langgraph";
import {
  type AgentMiddleware,
  createAgent,
  createMiddleware,
  humanInTheLoopMiddleware,
  summarizationMiddleware,
  tool,
} from "langchain";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type Session, SessionStore } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { freshId, texts, turn } from "../support/turns.js";
import { client, session, sessions, stored, types } from "./support/sessions.js";

const windowed = new SessionStore({ client, window: { messages: 2 } });
afterAll(() => windowed.close());

let call: { context: { session: Session }; configurable: { thread_id: string } };
beforeEach(() => {
  call = { context: { session }, configurable: { thread_id: freshId() } };
});

const look = tool(({ at }) => `saw ${at}`, {
  name: "look",
  description: "Looks at something",
  schema: z.object({ at: z.string() }),
});
const asking = humanInTheLoopMiddleware({ interruptOn: { look: true } } as never) as AgentMiddleware;
const approve = new Command({ resume: { decisions: [{ type: "approve" }] } });
const summarizing = (): AgentMiddleware =>
  summarizationMiddleware({
    model: new ScriptedModel("what was said"),
    trigger: { messages: 7 },
    keep: { messages: 3 },
  } as never) as AgentMiddleware;

describe.each(["turn", "step"] as const)('persist "%s", a window of two messages', (persist) => {
  /** A new agent each time, as another process would have it: nothing but the thread connects their runs. */
  const agentOf = (checkpointer: MemorySaver, model: ScriptedModel, ...others: AgentMiddleware[]) =>
    createAgent({
      model,
      tools: [look],
      checkpointer,
      middleware: [sessionMiddleware({ sessions: windowed, persist }), ...others],
    });

  test.each([
    { other: "no other middleware", others: () => [] },
    { other: "summarizationMiddleware", others: () => [summarizing()] },
  ])("runs that wait for a person in each turn, and go on elsewhere, are stored once: $other", async ({ others }) => {
    const checkpointer = new MemorySaver();
    const names = ["a", "b", "c", "d", "e"];
    for (const at of names) {
      const asked = agentOf(checkpointer, new ScriptedModel(calling(["look", { at }])), asking, ...others());
      await asked.invoke({ messages: `Go ${at}` }, call);
      const answered = agentOf(checkpointer, new ScriptedModel(`Done ${at}.`), asking, ...others());
      await answered.invoke(approve, call);
    }
    expect(texts(await stored())).toEqual(names.flatMap((at) => [`Go ${at}`, "", `saw ${at}`, `Done ${at}.`]));
  });

  test("runs that break off in each turn, and go on elsewhere, are stored once, each call with one result", async () => {
    const checkpointer = new MemorySaver();
    for (let index = 1; index <= 5; index += 1) {
      const failing = new ScriptedModel(calling(["look", { at: "a" }]), new Error("no model today"));
      await expect(agentOf(checkpointer, failing).invoke({ messages: "Go" }, call)).rejects.toThrow("no model today");
      await expect.poll(async () => (await stored()).length).toBe(index * 4 - 1);
      await agentOf(checkpointer, new ScriptedModel("Done.")).invoke(null, call);
      expect(await stored()).toHaveLength(index * 4);
    }
    expect(texts(await stored())).toEqual(Array.from({ length: 5 }, () => ["Go", "", "saw a", "Done."]).flat());
  });

  test("runs that break off in each turn, and are followed by the next turn, are stored once", async () => {
    const checkpointer = new MemorySaver();
    const names = ["a", "b", "c"];
    for (const [index, at] of names.entries()) {
      const failing = new ScriptedModel(calling(["look", { at }]), new Error("no model today"));
      const run = agentOf(checkpointer, failing).invoke({ messages: `Go ${at}` }, call);
      await expect(run).rejects.toThrow("no model today");
      await expect.poll(async () => (await stored()).length).toBe((index + 1) * 3);
    }
    expect(texts(await stored())).toEqual(names.flatMap((at) => [`Go ${at}`, "", `saw ${at}`]));
  });

  test("runs that are given up in each turn are stored with the next, once", async () => {
    const checkpointer = new MemorySaver();
    for (const at of ["a", "b", "c", "d"]) {
      const model = new ScriptedModel(calling(["look", { at }]));
      await agentOf(checkpointer, model, asking).invoke({ messages: `Go ${at}` }, call);
    }
    await agentOf(checkpointer, new ScriptedModel("Done."), asking).invoke({ messages: "Stop" }, call);
    const given = ["a", "b", "c", "d"].map((at) => `Go ${at}`);
    expect(types(await stored())).toEqual([...given.flatMap(() => ["human", "ai", "tool"]), "human", "ai"]);
    expect(texts(await stored()).filter((text) => text.startsWith("Go"))).toEqual(given);
  });

  test("a model that gives each answer the same id has each stored once", async () => {
    const checkpointer = new MemorySaver();
    for (const at of ["a", "b", "c", "d"]) {
      const { tool_calls = [] } = calling(["look", { at }])();
      const asks = new AIMessage({ content: "", tool_calls, id: "same" });
      const model = new ScriptedModel(asks, new AIMessage({ content: `Done ${at}.`, id: "same" }));
      await agentOf(checkpointer, model, ...(at === "c" ? [asking] : [])).invoke({ messages: `Go ${at}` }, call);
      if (at === "c") await agentOf(checkpointer, model, asking).invoke(approve, call);
    }
    expect(types(await stored())).toEqual(["a", "b", "c", "d"].flatMap(() => ["human", "ai", "tool", "ai"]));
    expect(new Set((await stored()).map(({ id }) => id)).size).toBe(16);
  });

  test("a caller that passes all that was said, with ids, has only what is new stored, also behind a summary", async () => {
    const checkpointer = new MemorySaver();
    const all: BaseMessage[] = [];
    const said = ["a", "b", "c", "d", "e", "f"];
    for (const text of said) {
      all.push(new HumanMessage({ content: text, id: freshId() }));
      const agent = agentOf(checkpointer, new ScriptedModel("yes"), summarizing());
      const { messages } = await agent.invoke({ messages: [...all] }, call);
      all.push(messages.at(-1) ?? new AIMessage(""));
    }
    expect(texts(await stored())).toEqual(said.flatMap((text) => [text, "yes"]));
  });

  test("a thread whose conversation was deleted remembers nothing of it, and stores nothing of it again", async () => {
    const checkpointer = new MemorySaver();
    for (const at of ["a", "b", "c"]) {
      const model = new ScriptedModel(calling(["look", { at }]), "Done.");
      await agentOf(checkpointer, model).invoke({ messages: `Go ${at}` }, call);
    }
    await sessions.conversations.delete(session, session.conversationId);
    const model = new ScriptedModel("Hello.");
    await agentOf(checkpointer, model).invoke({ messages: "Hi" }, call);
    expect(texts(model.given.at(-1) ?? [])).toEqual(["Hi"]);
    expect(texts(await stored())).toEqual(["Hi", "Hello."]);
  });
});

test("what a summary took the place of is not put back into the thread", async () => {
  const model = new ScriptedModel("yes");
  const agent = createAgent({
    model,
    tools: [],
    checkpointer: new MemorySaver(),
    middleware: [sessionMiddleware({ sessions }), summarizing()],
  });
  for (let index = 0; index < 12; index += 1) await agent.invoke({ messages: `Question ${index}` }, call);
  expect(Math.max(...model.given.map(({ length }) => length))).toBeLessThanOrEqual(7);
  expect(await stored()).toHaveLength(24);
});

test("what was stored meanwhile on another way reaches a thread that a summary shortened, once", async () => {
  const model = new ScriptedModel("yes");
  const agent = createAgent({
    model,
    tools: [],
    checkpointer: new MemorySaver(),
    middleware: [sessionMiddleware({ sessions }), summarizing()],
  });
  for (let index = 0; index < 5; index += 1) await agent.invoke({ messages: `Question ${index}` }, call);
  await sessions.history(session).addMessages(turn("by hand"));
  await agent.invoke({ messages: "last" }, call);
  const given = texts(model.given.at(-1) ?? []);
  expect(given.filter((text) => text === "by hand")).toHaveLength(1);
  expect(given.slice(-3)).toEqual(["by hand", "re: by hand", "last"]);
  expect(given.some((text) => text === "Question 0")).toBe(false);
});

test("a person's removal of the last turn from the thread stores nothing again", async () => {
  const agent = createAgent({
    model: new ScriptedModel("yes"),
    tools: [],
    checkpointer: new MemorySaver(),
    middleware: [sessionMiddleware({ sessions: windowed })],
  });
  let last: BaseMessage[] = [];
  for (const messages of ["a", "b", "c"]) ({ messages: last } = await agent.invoke({ messages }, call));
  const removed = last.slice(-2).map(({ id }) => new RemoveMessage({ id: id ?? "" }));
  await agent.graph.updateState({ configurable: call.configurable }, { messages: removed });
  await agent.invoke({ messages: "d" }, call);
  expect(texts(await stored())).toEqual(["a", "b", "c", "d"].flatMap((said) => [said, "yes"]));
});

test("a middleware that keeps the first message and the last ones has each message stored once", async () => {
  const trimming = createMiddleware({
    name: "Trimming",
    beforeModel: ({ messages }) => ({
      messages: messages.slice(1, -2).map(({ id }) => new RemoveMessage({ id: id ?? "" })),
    }),
  });
  const checkpointer = new MemorySaver();
  for (const at of ["a", "b", "c", "d"]) {
    const middleware = [sessionMiddleware({ sessions: windowed }), trimming, asking] as const;
    const model = new ScriptedModel(calling(["look", { at }]), `Done ${at}.`);
    await createAgent({ model, tools: [look], checkpointer, middleware }).invoke({ messages: `Go ${at}` }, call);
    await createAgent({ model, tools: [look], checkpointer, middleware }).invoke(approve, call);
  }
  expect(texts(await stored())).toEqual(
    ["a", "b", "c", "d"].flatMap((at) => [`Go ${at}`, "", `saw ${at}`, `Done ${at}.`]),
  );
});

test("what maxMessages has cut from the conversation, and the thread still holds, is not stored again", async () => {
  const bounded = new SessionStore({ client, maxMessages: 4 });
  const agent = createAgent({
    model: new ScriptedModel("yes"),
    tools: [],
    checkpointer: new MemorySaver(),
    middleware: [sessionMiddleware({ sessions: bounded })],
  });
  for (const messages of ["a", "b", "c", "d", "e"]) {
    await agent.invoke({ messages }, call);
    expect(texts(await stored()).slice(-2)).toEqual([messages, "yes"]);
  }
  expect(texts(await stored())).toEqual(["d", "yes", "e", "yes"]);
  await bounded.close();
});
