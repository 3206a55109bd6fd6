// The store where it is used: in the tools of an agent, and in the nodes of a graph, with LangGraph's own batching between.
import { ToolMessage } from "@langchain/core/messages";
import type { BaseStore } from "@langchain/langgraph-checkpoint";
import { Annotation, END, START, StateGraph } from "@langchain/langgraph";
import { createAgent, tool, type ToolRuntime } from "langchain";
import { expect, test } from "vitest";
import { z } from "zod";
import { RedisStore } from "langchain-redis-sessions/langgraph";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { client, sessions } from "../support/session-store.js";
import { freshId } from "../support/turns.js";

/** Returns the store of a run. langchain's type has the store of core there, which can neither put nor search. */
function storeOf(runtime: ToolRuntime): BaseStore {
  return runtime.store as unknown as BaseStore;
}

const remember = tool(
  async ({ text }: { text: string }, runtime: ToolRuntime) => {
    await storeOf(runtime).put(["memories"], text, { text });
    return "remembered";
  },
  { name: "remember", description: "Remembers", schema: z.object({ text: z.string() }) },
);
const recall = tool(
  async (_input: object, runtime: ToolRuntime) => {
    const found = await storeOf(runtime).search(["memories"]);
    return found.map(({ value }) => String(value["text"])).join(", ");
  },
  { name: "recall", description: "Recalls", schema: z.object({}) },
);

function model(): ScriptedModel {
  return new ScriptedModel(
    calling(["remember", { text: "tea" }], ["remember", { text: "cake" }]),
    calling(["recall", {}]),
    "Done.",
  );
}

/** What the tools answered, in order. */
function results({ messages }: { messages: unknown[] }): string[] {
  return messages.flatMap((message) => (ToolMessage.isInstance(message) ? [message.text] : []));
}

test("a tool of an agent puts and searches through runtime.store", async () => {
  const store = new RedisStore({ client, keyPrefix: `chat:${freshId()}` });
  const agent = createAgent({ model: model(), tools: [remember, recall], store });
  const [first, second, recalled = ""] = results(await agent.invoke({ messages: "Hi" }));
  expect([first, second]).toEqual(["remembered", "remembered"]);
  expect(recalled.split(", ").toSorted()).toEqual(["cake", "tea"]);
  expect(await store.search(["memories"])).toHaveLength(2);
});

test("one agent serves all users, each with the store that its call passes", async () => {
  const agent = createAgent({ model: model(), tools: [remember, recall] });
  const owners = [{ userId: freshId() }, { userId: freshId() }];
  const stores = await Promise.all(
    owners.map(async (owner) => {
      const { session } = await sessions.create({ ...owner, agentId: "a" });
      return new RedisStore({ sessions, session });
    }),
  );
  const [ada = expect.unreachable(), eve = expect.unreachable()] = stores;
  await agent.invoke({ messages: "Hi" }, { store: ada });
  expect(await ada.search([])).toHaveLength(2);
  expect(await eve.search([])).toEqual([]);
  // The store of the call, and not the one that was passed before.
  await agent.invoke({ messages: "Hi" }, { store: eve });
  expect(await ada.search([])).toHaveLength(2);
});

test("a tool of an agent whose session has ended writes nothing, and the model hears why", async () => {
  const owner = { userId: freshId() };
  const { session, token } = await sessions.create({ ...owner, agentId: "a" });
  const end = tool(
    async () => {
      await sessions.end(token);
      return "ended";
    },
    { name: "end", description: "Ends", schema: z.object({}) },
  );
  const agent = createAgent({
    model: new ScriptedModel(calling(["end", {}]), calling(["remember", { text: "tea" }]), "Done."),
    tools: [end, remember],
    store: new RedisStore({ sessions, session }),
  });
  // langchain makes a result of what a tool throws.
  expect(results(await agent.invoke({ messages: "Hi" }))).toEqual([
    "ended",
    expect.stringContaining("SessionNotFoundError: The session is no longer live: ended."),
  ]);
  const later = await sessions.create({ ...owner, agentId: "a" });
  expect(await new RedisStore({ sessions, session: later.session }).search([])).toEqual([]);
});

test("the nodes of a graph that is compiled with the store read and write it", async () => {
  const store = new RedisStore({ client, keyPrefix: `chat:${freshId()}` });
  const State = Annotation.Root({ seen: Annotation<string[]> });
  const graph = new StateGraph(State)
    .addNode("write", async (_state, config) => {
      await Promise.all([
        config.store?.put(["users", "ada"], "name", { text: "Ada" }),
        config.store?.put(["users", "ada"], "town", { text: "London" }),
      ]);
      return {};
    })
    .addNode("read", async (_state, config) => {
      const name = await config.store?.get(["users", "ada"], "name");
      const found = (await config.store?.search(["users"], { filter: { text: { $ne: "Ada" } } })) ?? [];
      return { seen: [String(name?.value["text"]), ...found.map(({ key }) => key)] };
    })
    .addEdge(START, "write")
    .addEdge("write", "read")
    .addEdge("read", END)
    .compile({ store });
  expect(await graph.invoke({ seen: [] })).toEqual({ seen: ["Ada", "town"] });
});
