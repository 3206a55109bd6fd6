// With a checkpointer a run that broke off, or waits for a person, can go on: `invoke(null)`, or a `resume`.
import { ChatMessage, FunctionMessage, HumanMessage, RemoveMessage } from "@langchain/core/messages";
import { Command, MemorySaver, REMOVE_ALL_MESSAGES } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent, createMiddleware, humanInTheLoopMiddleware, tool } from "langchain";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { type Session, ConversationBusyError } from "langchain-redis-sessions";
import { sessionMiddleware, type SessionMiddlewareOptions } from "langchain-redis-sessions/agents";
import { calling, never, ScriptedModel } from "../support/scripted-model.js";
import { freshId, texts } from "../support/turns.js";
import { session, sessions, stored, types } from "./support/sessions.js";

let call: { context: { session: Session }; configurable: { thread_id: string } };
beforeEach(() => {
  call = { context: { session }, configurable: { thread_id: freshId() } };
});

let lookWaits = false;
const look = tool(({ at }, { signal }: { signal?: AbortSignal }) => (lookWaits ? never([], signal) : `saw ${at}`), {
  name: "look",
  description: "Looks at something",
  schema: z.object({ at: z.string() }),
});
const approve = new Command({ resume: { decisions: [{ type: "approve" }] } });

function agentOf(
  model: ScriptedModel,
  checkpointer: MemorySaver,
  {
    asks = false,
    others = [],
    ...options
  }: Partial<SessionMiddlewareOptions> & { asks?: boolean; others?: AgentMiddleware[] } = {},
) {
  const ask = humanInTheLoopMiddleware({ interruptOn: asks ? { look: true } : {} } as never) as AgentMiddleware;
  return createAgent({
    model,
    tools: [look],
    checkpointer,
    middleware: [sessionMiddleware({ sessions, ...options }), ...others, ask],
  });
}

describe.each(["turn", "step"] as const)("persist: %s", (persist) => {
  test.each(["keep", "discard"] as const)("%s: a run whose model failed goes on, stored once", async (onInterrupt) => {
    const model = new ScriptedModel(calling(["look", { at: "a" }]), new Error("no model today"), "Done.", "Hello.");
    const agent = agentOf(model, new MemorySaver(), { persist, onInterrupt });
    await expect(agent.invoke({ messages: "Go" }, call)).rejects.toThrow("no model today");
    const left = onInterrupt === "keep" ? ["Go", "", "saw a"] : [];
    await expect.poll(async () => texts(await stored())).toEqual(left);
    await agent.invoke(null, call);
    expect(texts(await stored())).toEqual(["Go", "", "saw a", "Done."]);
    await agent.invoke({ messages: "Hi" }, call);
    expect(texts(model.given.at(-1) ?? [])).toEqual(["Go", "", "saw a", "Done.", "Hi"]);
    expect(texts(await stored())).toEqual(["Go", "", "saw a", "Done.", "Hi", "Hello."]);
  });

  test("a run that was aborted while a tool ran goes on, each call with one result", async () => {
    const model = new ScriptedModel(calling(["look", { at: "a" }]), "Done.", "Hello.");
    const agent = agentOf(model, new MemorySaver(), { persist });
    const controller = new AbortController();
    lookWaits = true;
    const stream = await agent.stream(
      { messages: "Go" },
      { ...call, signal: controller.signal, streamMode: "updates" },
    );
    await expect(async () => {
      for await (const update of stream) if ("model_request" in update) controller.abort();
    }).rejects.toThrow(/abort/iu);
    lookWaits = false;
    await expect.poll(async () => types(await stored())).toEqual(["human", "ai", "tool"]);
    await agent.invoke(null, call);
    expect(types(await stored())).toEqual(["human", "ai", "tool", "ai"]);
    await agent.invoke({ messages: "Hi" }, call);
    expect(types(await stored())).toEqual(["human", "ai", "tool", "ai", "human", "ai"]);
    expect(texts(model.given.at(-1) ?? [])).toEqual(["Go", "", "saw a", "Done.", "Hi"]);
  });
});

test("discard, persist: step: a run that breaks off, goes on and breaks off again leaves nothing, and then is stored once", async () => {
  const [a, b] = [calling(["look", { at: "a" }]), calling(["look", { at: "b" }])];
  const model = new ScriptedModel(a, new Error("no"), b, new Error("no"), "Done.");
  const agent = agentOf(model, new MemorySaver(), { persist: "step", onInterrupt: "discard" });
  await expect(agent.invoke({ messages: "Go" }, call)).rejects.toThrow("no");
  await expect.poll(stored).toEqual([]);
  await expect(agent.invoke(null, call)).rejects.toThrow("no");
  await expect.poll(stored).toEqual([]);
  await agent.invoke(null, call);
  expect(texts(await stored())).toEqual(["Go", "", "saw a", "", "saw b", "Done."]);
});

test("a run that broke off in the middle of an answer goes on with the whole answer", async () => {
  const model = new ScriptedModel("one two three");
  let failures = 1;
  model.afterWord = (word) =>
    word === "two" && failures-- > 0 ? Promise.reject(new Error("line cut")) : Promise.resolve();
  const agent = agentOf(model, new MemorySaver());
  await expect(async () => {
    for await (const _ of await agent.stream({ messages: "Go" }, { ...call, streamMode: "messages" }));
  }).rejects.toThrow("line cut");
  await expect.poll(async () => texts(await stored())).toEqual(["Go", "one two "]);
  await agent.invoke(null, call);
  expect(texts(await stored())).toEqual(["Go", "one two three"]);
  await agent.invoke({ messages: "Hi" }, call);
  expect(texts(model.given.at(-1) ?? [])).toEqual(["Go", "one two three", "Hi"]);
});

test("what was stored on another way while a run waited is known to the next turn", async () => {
  const model = new ScriptedModel(calling(["look", { at: "a" }]), "Done.", "Hello.");
  const agent = agentOf(model, new MemorySaver(), { asks: true });
  await agent.invoke({ messages: "Go" }, call);
  await sessions.history(session).addMessages([new HumanMessage("meanwhile")]);
  await agent.invoke(approve, call);
  await agent.invoke({ messages: "Hi" }, call);
  expect(texts(await stored())).toEqual(["meanwhile", "Go", "", "saw a", "Done.", "Hi", "Hello."]);
  expect(texts(model.given.at(-1) ?? [])).toContain("meanwhile");
});

test("a turn that follows one that was given up, and waits itself, is stored once", async () => {
  const checkpointer = new MemorySaver();
  const next = (...answers: ConstructorParameters<typeof ScriptedModel>) =>
    agentOf(new ScriptedModel(...answers), checkpointer, { asks: true });
  await next(calling(["look", { at: "a" }])).invoke({ messages: "One" }, call);
  await next(calling(["look", { at: "b" }])).invoke({ messages: "Two" }, call);
  await next(calling(["look", { at: "c" }])).invoke(approve, call);
  await next("Done.").invoke(approve, call);
  const turns = [
    ["human", "ai", "tool"],
    ["human", "ai", "tool", "ai", "tool", "ai"],
  ];
  expect(types(await stored())).toEqual(turns.flat());
  await next("Hello.").invoke({ messages: "Hi" }, call);
  expect(types(await stored())).toEqual([...turns, ["human", "ai"]].flat());
});

test("what another middleware put in front of the question, just before the run paused, is stored", async () => {
  const checkpointer = new MemorySaver();
  const model = new ScriptedModel("one", calling(["look", { at: "a" }]), "Done.", "two");
  let steps = 0;
  const retrieving = createMiddleware({
    name: "Retrieving",
    beforeModel: ({ messages }) => {
      steps += 1;
      if (steps !== 2) return undefined;
      const found = new HumanMessage({ content: "found", id: freshId() });
      const all = new RemoveMessage({ id: REMOVE_ALL_MESSAGES });
      return { messages: [all, ...messages.slice(0, -1), found, ...messages.slice(-1)] };
    },
  });
  const agent = agentOf(model, checkpointer, { asks: true, others: [retrieving as AgentMiddleware] });
  await agent.invoke({ messages: "first" }, call);
  await agent.invoke({ messages: "Go" }, call);
  await agent.invoke(approve, call);
  expect(texts(await stored())).toEqual(["first", "one", "Go", "found", "", "saw a", "Done."]);
  await agent.invoke({ messages: "Hi" }, call);
  expect(texts(await stored())).toEqual(["first", "one", "Go", "found", "", "saw a", "Done.", "Hi", "two"]);
});

test("a run that is resumed twice is stored once", async () => {
  const model = new ScriptedModel(calling(["look", { at: "a" }]), "Done.");
  const agent = agentOf(model, new MemorySaver(), { asks: true });
  await agent.invoke({ messages: "Go" }, call);
  await agent.invoke(approve, call);
  await agent.invoke(approve, call);
  expect(texts(await stored())).toEqual(["Go", "", "saw a", "Done."]);
});

test("what was stored without ids is recognised in each turn of a thread, with any class", async () => {
  const said = [new HumanMessage("x"), new ChatMessage("y", "role"), new FunctionMessage({ content: "z", name: "f" })];
  await sessions.history(session).addMessages(said);
  const agent = agentOf(new ScriptedModel("yes"), new MemorySaver());
  for (const messages of ["a", "b", "c"]) await agent.invoke({ messages }, call);
  expect(texts(await stored())).toEqual(["x", "y", "z", "a", "yes", "b", "yes", "c", "yes"]);
});

describe.each(["reject", "wait"] as const)('concurrency: "%s", a run that waits for a person', (concurrency) => {
  test("can be taken up at once, in the same process or another, any number of times", async () => {
    const checkpointer = new MemorySaver();
    const options = { concurrency, waitFor: 1, asks: true };
    const agent = agentOf(
      new ScriptedModel(calling(["look", { at: "a" }]), calling(["look", { at: "b" }])),
      checkpointer,
      options,
    );
    await agent.invoke({ messages: "Go" }, call);
    await agent.invoke(approve, call);
    await agentOf(new ScriptedModel("Done."), checkpointer, options).invoke(approve, call);
    expect(texts(await stored())).toEqual(["Go", "", "saw a", "", "saw b", "Done."]);
    await agentOf(new ScriptedModel("Hello."), checkpointer, options).invoke({ messages: "Hi" }, call);
  });

  test("gives its conversation back soon to a turn of another thread", async () => {
    const options = { concurrency, waitFor: 0.1, lease: 2, asks: true };
    const agent = agentOf(new ScriptedModel(calling(["look", { at: "a" }]), "Hello."), new MemorySaver(), options);
    await agent.invoke({ messages: "Go" }, call);
    const other = (): Promise<unknown> =>
      agent.invoke({ messages: "Hi" }, { ...call, configurable: { thread_id: freshId() } });
    await expect(other()).rejects.toThrow(ConversationBusyError);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 11_000 });
    try {
      await vi.waitFor(other, { timeout: 10_000, interval: 50 });
    } finally {
      vi.useRealTimers();
    }
    await agent.invoke(approve, call);
    expect(texts(await stored())).toEqual(["Hi", "Hello.", "Go", "", "saw a", "Hello."]);
  });
});
