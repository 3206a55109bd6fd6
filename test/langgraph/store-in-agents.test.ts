// The store where it is used: in the tools of an agent, and in the nodes of a graph, with LangGraph's own batching between.
import { ToolMessage } from "@langchain/core/messages";
import type { BaseStore } from "@langchain/langgraph-checkpoint";
import { Annotation, END, START, StateGraph } from "@langchain/langgraph";
import { createAgent, tool, type ToolRuntime } from "langchain";
import { expect, test } from "vitest";
import { z } from "zod";
import type { Session } from "langchain-redis-sessions";
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

test("control: without a store the same tools can neither put nor search", async () => {
  const agent = createAgent({ model: model(), tools: [remember, recall] });
  const [first, second, recalled] = results(await agent.invoke({ messages: "Hi" }));
  expect([first, second, recalled].join()).not.toMatch(/remembered|tea|cake/);
});

/** Lets one agent serve two users. Returns how many items each has after the first one's turn, and after both. */
async function served(stores: readonly RedisStore[]): Promise<number[][]> {
  const agent = createAgent({ model: model(), tools: [remember, recall] });
  const counts: number[][] = [];
  for (const store of stores) {
    await agent.invoke({ messages: "Hi" }, { store });
    counts.push(await Promise.all(stores.map(async (one) => (await one.search([])).length)));
  }
  return counts;
}

test("one agent serves all users, each with the store that its call passes", async () => {
  const open = async (): Promise<RedisStore> => {
    const { session } = await sessions.create({ userId: freshId(), agentId: "a" });
    return new RedisStore({ sessions, session });
  };
  const [first, both] = await served([await open(), await open()]);
  expect(first).toEqual([2, 0]);
  // The store of the call, and not the one that was passed before: the model answers the second turn without tools.
  expect(both?.[0]).toBe(2);
});

test("control: stores that belong to no session show one user what another has", async () => {
  const keyPrefix = `chat:${freshId()}`;
  const [first] = await served([new RedisStore({ client, keyPrefix }), new RedisStore({ client, keyPrefix })]);
  expect(first).toEqual([2, 2]);
});

/** Ends the session in a tool, and lets the next tool write. Returns what the tools answered, and what is stored. */
async function afterTheEnd(open: (session: Session) => RedisStore): Promise<{ answered: string[]; stored: number }> {
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
    store: open(session),
  });
  const answered = results(await agent.invoke({ messages: "Hi" }));
  const later = await sessions.create({ ...owner, agentId: "a" });
  return { answered, stored: (await open(later.session).search([])).length };
}

test("a tool of an agent whose session has ended writes nothing, and the model hears why", async () => {
  const { answered, stored } = await afterTheEnd((session) => new RedisStore({ sessions, session }));
  // langchain makes a result of what a tool throws.
  expect(answered).toEqual([
    "ended",
    expect.stringContaining("SessionNotFoundError: The session is no longer live: ended."),
  ]);
  expect(stored).toBe(0);
});

test("control: a tool with a store that belongs to no session writes after the end", async () => {
  const keyPrefix = `chat:${freshId()}`;
  const { answered, stored } = await afterTheEnd(() => new RedisStore({ client, keyPrefix }));
  expect(answered).toEqual(["ended", "remembered"]);
  expect(stored).toBe(1);
});

/** Returns what the nodes of a graph find that is compiled with a store, or with none. */
async function seenByNodes(store?: RedisStore): Promise<unknown> {
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
      const others = (await config.store?.search(["users"], { filter: { text: { $ne: "Ada" } } })) ?? [];
      return { seen: [String(name?.value["text"]), ...others.map(({ key }) => key)] };
    })
    .addEdge(START, "write")
    .addEdge("write", "read")
    .addEdge("read", END)
    .compile(store && { store });
  return (await graph.invoke({ seen: [] })).seen;
}

test("the nodes of a graph that is compiled with the store read and write it", async () => {
  expect(await seenByNodes(new RedisStore({ client, keyPrefix: `chat:${freshId()}` }))).toEqual(["Ada", "town"]);
});

test("control: the nodes of a graph that is compiled without it find nothing", async () => {
  expect(await seenByNodes()).toEqual(["undefined"]);
});
