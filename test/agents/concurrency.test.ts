import type { BaseMessage } from "@langchain/core/messages";
import { MemorySaver } from "@langchain/langgraph";
import { createAgent } from "langchain";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type Session, SessionBusyError, SessionStore } from "langchain-redis-sessions";
import { sessionMiddleware, type SessionMiddlewareOptions } from "langchain-redis-sessions/agents";
import { never, ScriptedModel } from "../support/scripted-model.js";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId, texts } from "../support/turns.js";

let client: Client;
let sessions: SessionStore;
let session: Session;
beforeAll(() => {
  client = onOneRedis.connect();
  sessions = new SessionStore({ client });
});
beforeEach(async () => {
  ({ session } = await sessions.create({ userId: freshId(), agentId: "assistant" }));
});
afterAll(async () => {
  await sessions.close();
  await client.quit();
});

const stored = (): Promise<BaseMessage[]> => sessions.history(session).getMessages();
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
  await expect(agent.invoke({ messages: "two" }, { context: { session } })).rejects.toThrow(SessionBusyError);
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
      { timeout: 5_000, interval: 10 },
    );
    return "at last";
  });
  await agentOf(model, { concurrency: "wait", lease: 0.3 }).invoke({ messages: "Hi" }, { context: { session } });
  expect(texts(await stored())).toEqual(["Hi", "at last"]);
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
