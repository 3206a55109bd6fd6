import { MemorySaver } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent, createMiddleware, tool } from "langchain";
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { ConversationBusyError } from "langchain-redis-sessions";
import { sessionMiddleware, type SessionMiddlewareOptions } from "langchain-redis-sessions/agents";
import { calling, never, ScriptedModel } from "../support/scripted-model.js";
import { texts } from "../support/turns.js";
import { client, session, sessions, stored } from "./support/sessions.js";

const agentOf = (model: ScriptedModel, options: Partial<SessionMiddlewareOptions>) =>
  createAgent({ model, tools: [], middleware: [sessionMiddleware({ sessions, ...options })] });

test("64 runs of one conversation at once are each stored whole", async () => {
  const agent = agentOf(new ScriptedModel((messages) => `re: ${messages.at(-1)?.text}`), { concurrency: "allow" });
  const said = Array.from({ length: 64 }, (_, index) => `question ${index}`);
  await Promise.all(said.map((messages) => agent.invoke({ messages }, { context: { session } })));
  const found = texts(await stored());
  expect(found.toSorted()).toEqual(said.flatMap((text) => [text, `re: ${text}`]).toSorted());
  for (let index = 0; index < found.length; index += 2) expect(found[index + 1]).toBe(`re: ${found[index]}`);
});

test('with "reject" a second run is refused at once, and the next one is not', async () => {
  const model = new ScriptedModel(never, "Hello.");
  const agent = agentOf(model, { concurrency: "reject" });
  const controller = new AbortController();
  const first = agent.invoke({ messages: "one" }, { context: { session }, signal: controller.signal });
  await vi.waitFor(() => expect(model.given).toHaveLength(1));
  await expect(agent.invoke({ messages: "two" }, { context: { session } })).rejects.toThrow(ConversationBusyError);
  controller.abort();
  await expect(first).rejects.toThrow(/abort/iu);
  await vi.waitFor(() => agent.invoke({ messages: "three" }, { context: { session } }), { interval: 20 });
  expect(texts(await stored())).toEqual(["one", "three", "Hello."]);
});

test('with "wait" each run is given what the ones before it said', async () => {
  const counts: number[] = [];
  const model = new ScriptedModel((messages) => {
    counts.push(messages.length);
    return "yes";
  });
  const agent = agentOf(model, { concurrency: "wait" });
  await Promise.all(["a", "b", "c", "d"].map((messages) => agent.invoke({ messages }, { context: { session } })));
  expect(counts).toEqual([1, 3, 5, 7]);
});

test("the lease is renewed while a model thinks longer than it lasts", async () => {
  const key = `chat:user:*:lease:${session.conversationId}`;
  const renewals = new Set<number>();
  const model = new ScriptedModel(async () => {
    const [lease] = await client.keys(key);
    // Each renewal sets the time to live up again.
    let latest = 0;
    await vi.waitFor(
      async () => {
        const left = await client.pttl(lease ?? "");
        if (left > latest) renewals.add(left);
        latest = left;
        expect(renewals.size).toBeGreaterThan(3);
      },
      { timeout: 20_000, interval: 10 },
    );
    return "at last";
  });
  await agentOf(model, { concurrency: "wait", lease: 1.5 }).invoke({ messages: "Hi" }, { context: { session } });
  expect(texts(await stored())).toEqual(["Hi", "at last"]);
});

test("the lease is renewed while a model thinks for an hour", async () => {
  const model = new ScriptedModel(async () => {
    const [lease] = await client.keys(`chat:user:*:lease:${session.conversationId}`);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
    for (let index = 0; index < 24; index += 1) await client.call("WAIT", 1, 50);
    return String(await client.exists(lease ?? ""));
  });
  try {
    await agentOf(model, { concurrency: "wait", lease: 1 }).invoke({ messages: "Hi" }, { context: { session } });
  } finally {
    vi.useRealTimers();
  }
  expect(texts(await stored())).toEqual(["Hi", "1"]);
});

test("two threads of one checkpointer wait for one conversation", async () => {
  const agent = createAgent({
    model: new ScriptedModel((messages) => `${messages.length}`),
    tools: [],
    checkpointer: new MemorySaver(),
    middleware: [sessionMiddleware({ sessions, concurrency: "wait" })],
  });
  await Promise.all(
    ["a", "b"].map((thread) =>
      agent.invoke(
        { messages: thread },
        { context: { session }, configurable: { thread_id: `${session.id}${thread}` } },
      ),
    ),
  );
  expect(texts(await stored()).filter((text) => /\d/u.test(text))).toEqual(["1", "3"]);
});

describe("a run that dies without a word gives its conversation back soon", () => {
  const quick = tool(() => "done", { name: "quick", description: "Is done at once", schema: z.object({}) });
  const dying = createMiddleware({
    name: "Dying",
    afterModel() {
      throw new Error("no more");
    },
  });
  const runs = { "the recursion limit": [], "an error of another middleware": [dying] };

  test.each(Object.entries(runs))("%s", async (_how, others) => {
    const ours = sessionMiddleware({ sessions, concurrency: "reject", lease: 2 }) as unknown as AgentMiddleware;
    const model = new ScriptedModel(calling(["quick", {}]));
    const agent = createAgent({ model, tools: [quick], middleware: [ours, ...(others as AgentMiddleware[])] });
    const call = { context: { session }, recursionLimit: 6 };
    await expect(agent.invoke({ messages: "Go" }, call)).rejects.toThrow(/limit|no more/u);
    const next = agentOf(new ScriptedModel("Hello."), { concurrency: "reject" });
    await expect(next.invoke({ messages: "Hi" }, { context: { session } })).rejects.toThrow(ConversationBusyError);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 11_000 });
    try {
      await vi.waitFor(() => next.invoke({ messages: "Hi" }, { context: { session } }), {
        timeout: 10_000,
        interval: 50,
      });
    } finally {
      vi.useRealTimers();
    }
    expect(texts(await stored())).toEqual(["Hi", "Hello."]);
  });
});

test("a tool that runs for long keeps the conversation", async () => {
  const slow = tool(
    async () => {
      const [lease] = await client.keys(`chat:user:*:lease:${session.conversationId}`);
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
      // Three renewals, and the time in which a lease that is not renewed runs out.
      for (let index = 0; index < 24; index += 1) await client.call("WAIT", 1, 50);
      return String(await client.exists(lease ?? ""));
    },
    { name: "slow", description: "Takes a minute", schema: z.object({}) },
  );
  const agent = createAgent({
    model: new ScriptedModel(calling(["slow", {}]), "Done."),
    tools: [slow],
    middleware: [sessionMiddleware({ sessions, concurrency: "reject", lease: 1 })],
  });
  try {
    await agent.invoke({ messages: "Go" }, { context: { session } });
  } finally {
    vi.useRealTimers();
  }
  expect(texts(await stored())).toEqual(["Go", "", "1", "Done."]);
});

test.each([
  { who: "nobody", isTaken: false },
  { who: "another turn", isTaken: true },
])(
  "a tool that is silent for more than ten minutes loses its turn only when another took the conversation: $who did",
  async (row) => {
    const key = `chat:user:*:lease:${session.conversationId}`;
    const slow = tool(
      async () => {
        const [lease = ""] = await client.keys(key);
        vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 601_000 });
        await vi.waitFor(async () => expect(await client.exists(lease)).toBe(0), { timeout: 20_000, interval: 10 });
        const next = agentOf(new ScriptedModel("Meanwhile."), { concurrency: "reject" });
        if (row.isTaken) await next.invoke({ messages: "Hi" }, { context: { session } });
        return "at last";
      },
      { name: "slow", description: "Takes eleven minutes", schema: z.object({}) },
    );
    const agent = createAgent({
      model: new ScriptedModel(calling(["slow", {}]), "Done."),
      tools: [slow],
      middleware: [sessionMiddleware({ sessions, concurrency: "reject", lease: 1 })],
    });
    try {
      const run = agent.invoke({ messages: "Go" }, { context: { session } });
      if (row.isTaken) await expect(run).rejects.toMatchObject({ code: "TURN_NOT_STORED", cause: { reason: "lost" } });
      else await run;
    } finally {
      vi.useRealTimers();
    }
    expect(texts(await stored())).toEqual(row.isTaken ? ["Hi", "Meanwhile."] : ["Go", "", "at last", "Done."]);
  },
);
