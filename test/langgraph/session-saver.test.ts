// A graph that is bound to a session: its thread is the session's conversation, and shares its fate.
import { isDeepStrictEqual } from "node:util";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import {
  Annotation,
  Command,
  END,
  interrupt,
  isInterrupted,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { type AgentMiddleware, createAgent, createMiddleware, humanInTheLoopMiddleware, tool } from "langchain";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import {
  ConversationNotFoundError,
  InvalidOptionError,
  type Owner,
  type Session,
  SessionNotFoundError,
  SessionStore,
  ThreadChangedError,
  ThreadDeletedError,
} from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { RedisSaver, sessionConfig, SessionSaver, type SessionSaverOptions } from "langchain-redis-sessions/langgraph";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { client, sessions } from "../support/session-store.js";
import { freshId, texts } from "../support/turns.js";

let owner: Owner;
let session: Session;
beforeEach(async () => {
  owner = { userId: freshId() };
  ({ session } = await sessions.create({ ...owner, agentId: "support" }));
});

const keysOf = ({ userId }: Owner): ReturnType<typeof ownerKeys> => ownerKeys("chat", ownerTag(userId, undefined));
const threadOf = ({ conversationId }: Session): string[] => {
  const { checkpoints, arrivals, nodes, counts } = keysOf(owner).thread(conversationId);
  return [checkpoints, arrivals, nodes, counts];
};
const thereOf = (one: Session): Promise<number> => client.exists(...threadOf(one));
/** Where an unbound saver keeps the owner's threads. */
const unboundPrefix = (): string => `chat:${owner.userId}`;
/** Everything that is stored of the owner, values included. */
async function dump(): Promise<Record<string, unknown>> {
  const patterns = [keysOf(owner).base.replaceAll(/[{}]/g, "?"), unboundPrefix()];
  const keys = (await Promise.all(patterns.map((pattern) => client.keys(`${pattern}:*`)))).flat();
  return Object.fromEntries(
    await Promise.all(keys.toSorted().map(async (key) => [key, await client.dump(key)] as const)),
  );
}

const saverOf = (options: Partial<SessionSaverOptions> = {}): SessionSaver =>
  new SessionSaver({ sessions, ...options });

const counter = Annotation.Root({
  steps: Annotation<string[]>({ reducer: (before, added) => [...before, ...added], default: () => [] }),
});
/** A saver that knows no sessions. */
const unbound = (): RedisSaver => new RedisSaver({ client, keyPrefix: unboundPrefix() });
type Step = (config: LangGraphRunnableConfig) => unknown;
/** A graph of two steps. What is passed runs inside the first. */
const twoSteps = (during: Step, saver: BaseCheckpointSaver = saverOf()) =>
  new StateGraph(counter)
    .addNode("one", async (_state, config) => {
      await during(config);
      return { steps: ["one"] };
    })
    .addNode("two", () => ({ steps: ["two"] }))
    .addEdge(START, "one")
    .addEdge("one", "two")
    .addEdge("two", END)
    .compile({ checkpointer: saver });
const nothing: Step = () => undefined;

/** A graph that asks a person, and then says what they said. */
const asking = (saver = saverOf()) =>
  new StateGraph(counter)
    .addNode("ask", () => ({ steps: [`approved: ${String(interrupt("May I?"))}`] }))
    .addEdge(START, "ask")
    .addEdge("ask", END)
    .compile({ checkpointer: saver });

test("the session may be in the context or in configurable, and its conversation is the thread", async () => {
  const graph = twoSteps(nothing);
  await graph.invoke({ steps: ["a"] }, { context: { session }, configurable: {} });
  await graph.invoke({ steps: ["b"] }, { configurable: { session } });
  const { values, config } = await graph.getState(sessionConfig(session));
  expect(values).toEqual({ steps: ["a", "one", "two", "b", "one", "two"] });
  expect(config.configurable?.["thread_id"]).toBe(session.conversationId);
});

test("a config that a snapshot has can be used as it is", async () => {
  const graph = twoSteps(nothing, saverOf({ forks: "allow" }));
  await graph.invoke({ steps: ["a"] }, sessionConfig(session));
  const history = [];
  for await (const snapshot of graph.getStateHistory(sessionConfig(session))) history.push(snapshot);
  const beforeTwo = history.find(({ next }) => next[0] === "two") ?? expect.unreachable();
  expect(await graph.invoke(null, beforeTwo.config)).toEqual({ steps: ["a", "one", "two"] });
  await graph.updateState(beforeTwo.config, null, "__copy__");
  expect((await graph.getState(sessionConfig(session))).values).toEqual({ steps: ["a", "one"] });
});

test("a thread of another conversation, and a call without a session, are typed errors", async () => {
  const graph = twoSteps(nothing);
  const other = { ...sessionConfig(session), configurable: { thread_id: "another" } };
  await expect(graph.invoke({ steps: [] }, other)).rejects.toThrow(ConversationNotFoundError);
  const without = graph.invoke({ steps: [] }, { configurable: { thread_id: session.conversationId } });
  await expect(without).rejects.toMatchObject({ name: "InvalidOptionError", option: "context.session" });
  await expect(saverOf().deleteThread(session.conversationId)).rejects.toThrow(InvalidOptionError);
  await expect(saverOf().prune("another", { keep: 1, session })).rejects.toThrow(ConversationNotFoundError);
  expect(await thereOf(session)).toBe(0);
});

test("a conversation that is another agent's has no thread for this session", async () => {
  await twoSteps(nothing).invoke({ steps: ["a"] }, sessionConfig(session));
  const { session: other } = await sessions.create({ ...owner, agentId: "sales" });
  const smuggled = { ...other, conversationId: session.conversationId };
  await expect(twoSteps(nothing).getState(sessionConfig(smuggled))).rejects.toThrow(ConversationNotFoundError);
  await expect(twoSteps(nothing).invoke({ steps: [] }, sessionConfig(smuggled))).rejects.toThrow(
    ConversationNotFoundError,
  );
});

describe.each(["async", "sync", "exit"] as const)("durability %s", (durability) => {
  const config = (one = session) => ({ ...sessionConfig(one), durability });

  /** Ends the session in a run. Returns what the run came to, and whether anything was written from then on. */
  const endDuring = async (saver: BaseCheckpointSaver): Promise<{ error: unknown; wrote: boolean }> => {
    const graph = twoSteps(nothing, saver);
    await graph.invoke({ steps: ["a"] }, config());
    let ended: unknown;
    const ending = twoSteps(async () => {
      await sessions.endAll(owner);
      ended = await dump();
    }, saver);
    const error: unknown = await ending.invoke({ steps: ["b"] }, config()).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(ended).toBeDefined();
    return { error, wrote: !isDeepStrictEqual(await dump(), ended) };
  };

  test("a session that ends during a run: the caller is told, and nothing is written from then on", async () => {
    const { error, wrote } = await endDuring(saverOf());
    expect(error).toMatchObject({ name: "SessionNotFoundError", reason: "ended" });
    expect(wrote).toBe(false);
  });

  test("control: a saver that belongs to no session tells nothing and writes on after the end", async () => {
    const { error, wrote } = await endDuring(unbound());
    expect([error, wrote]).toEqual([undefined, true]);
  });

  test.each([
    ["clear()", () => sessions.history(session).clear()],
    ["conversations.delete", () => sessions.conversations.delete(owner, session.conversationId)],
    ["deleteThread", () => saverOf().deleteThread(session.conversationId, session)],
  ] as const)("%s during a run: the run is refused, and no key of the thread is left", async (_, remove) => {
    await twoSteps(nothing).invoke({ steps: ["a"] }, config());
    expect(await thereOf(session)).toBeGreaterThan(0);
    let removed = false;
    const graph = twoSteps(async () => {
      if (removed) return;
      // In `exit` and `async` the input's checkpoint may not be there yet.
      await remove();
      removed = true;
    });
    await expect(graph.invoke({ steps: ["b"] }, config())).rejects.toThrow(ThreadDeletedError);
    // What a task wrote in the meantime has no checkpoint and is not seen.
    expect((await graph.getState(config())).values).toEqual({});
    expect(await graph.invoke({ steps: ["anew"] }, config())).toEqual({ steps: ["anew", "one", "two"] });
  });

  test("of two runs at once one resolves, and the other hears that the thread has changed", async () => {
    await twoSteps(nothing).invoke({ steps: ["a"] }, config());
    // A run that is refused with its first step never comes here.
    let [entered, refusedRuns] = [0, 0];
    const both = twoSteps(async () => {
      entered += 1;
      await vi.waitFor(() => expect(entered + refusedRuns).toBeGreaterThanOrEqual(2));
    });
    const run = (said: string): Promise<unknown> =>
      both.invoke({ steps: [said] }, config()).catch((error: unknown) => {
        refusedRuns += 1;
        throw error;
      });
    const results = await Promise.allSettled(["b", "c"].map(run));
    const refused = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
    expect(refused).toEqual([expect.any(ThreadChangedError)]);
    const { values } = await both.getState(config());
    expect(values.steps).toHaveLength(6);
  });
});

describe("a person is asked", () => {
  test("before any message: another session of the user answers, in another process, after the first has ended", async () => {
    const paused = await asking().invoke({ steps: ["a"] }, sessionConfig(session));
    expect(isInterrupted(paused)).toBe(true);
    const { session: second } = await new SessionStore({ client }).create({
      ...owner,
      agentId: "support",
      conversationId: session.conversationId,
    });
    await sessions.endById(owner, session.id);
    const elsewhere = new SessionStore({ client });
    const resumed = asking(new SessionSaver({ sessions: elsewhere }));
    expect(await resumed.invoke(new Command({ resume: "yes" }), sessionConfig(second))).toEqual({
      steps: ["a", "approved: yes"],
    });
    await elsewhere.close();
  });

  test("a session can open the conversation that has a thread only", async () => {
    await asking().invoke({ steps: ["a"] }, sessionConfig(session));
    const { session: second } = await sessions.create({ ...owner, agentId: "support" });
    const opened = await sessions.openConversation(second, session.conversationId);
    expect((await asking().getState(sessionConfig(opened))).next).toEqual(["ask"]);
    const { session: other } = await sessions.create({ ...owner, agentId: "sales" });
    await expect(sessions.openConversation(other, session.conversationId)).rejects.toThrow(ConversationNotFoundError);
  });

  const wire = tool(() => "sent", { name: "wire", description: "Wires money", schema: z.object({ sum: z.number() }) });
  const approved = new Command({ resume: { decisions: [{ type: "approve" }] } });
  const agentOf = (model: ScriptedModel, first: AgentMiddleware) =>
    createAgent({
      model,
      tools: [wire],
      checkpointer: saverOf(),
      middleware: [first, humanInTheLoopMiddleware({ interruptOn: { wire: true } } as never) as AgentMiddleware],
    });

  test.each(["with sessionMiddleware", "without it"])("by an agent's tool, %s", async (how) => {
    const remembers = how === "with sessionMiddleware";
    const middleware = (
      remembers ? sessionMiddleware({ sessions }) : createMiddleware({ name: "Nothing" })
    ) as AgentMiddleware;
    const first = new ScriptedModel(calling(["wire", { sum: 5 }]));
    await agentOf(first, middleware).invoke({ messages: "Send 5" }, sessionConfig(session));
    const { session: second } = await sessions.create({
      ...owner,
      agentId: "support",
      conversationId: session.conversationId,
    });
    await sessions.endById(owner, session.id);
    const { messages } = await agentOf(new ScriptedModel("It is sent."), middleware).invoke(
      approved,
      sessionConfig(second),
    );
    expect(texts(messages)).toEqual(["Send 5", "", "sent", "It is sent."]);
    if (remembers) {
      expect(texts(await sessions.history(second).getMessages())).toEqual(["Send 5", "", "sent", "It is sent."]);
    }
    // The conversation goes on.
    const model = new ScriptedModel("Yes.");
    await agentOf(model, middleware).invoke({ messages: "Really?" }, sessionConfig(second));
    expect(texts(model.given[0] ?? [])).toEqual(["Send 5", "", "sent", "It is sent.", "Really?"]);
  });
});

describe("beside sessionMiddleware", () => {
  const agentOf = (model: ScriptedModel) =>
    createAgent({ model, tools: [], checkpointer: saverOf(), middleware: [sessionMiddleware({ sessions })] });

  test("conversation and thread hold each message once, turn after turn", async () => {
    const model = new ScriptedModel((messages) => `re: ${messages.at(-1)?.text}`);
    for (const said of ["a", "b", "c"]) await agentOf(model).invoke({ messages: said }, sessionConfig(session));
    const expected = ["a", "re: a", "b", "re: b", "c", "re: c"];
    expect(texts(await sessions.history(session).getMessages())).toEqual(expected);
    const { values } = await agentOf(model).graph.getState(sessionConfig(session));
    expect(texts((values as typeof MessagesAnnotation.State).messages)).toEqual(expected);
  });

  test("after clear() the agent begins again", async () => {
    const model = new ScriptedModel((messages) => `re: ${messages.map(({ text }) => text).join(" ")}`);
    await agentOf(model).invoke({ messages: "a" }, sessionConfig(session));
    await sessions.history(session).clear();
    const { messages } = await agentOf(model).invoke({ messages: "b" }, sessionConfig(session));
    expect(texts(messages)).toEqual(["b", "re: b"]);
  });
});

describe("in RunnableWithSession", () => {
  const turnsOf = (store: SessionStore) => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("ask", () => ({ messages: [new AIMessage(`It is ${String(interrupt("Which?"))}.`)] }))
      .addEdge(START, "ask")
      .addEdge("ask", END)
      .compile({ checkpointer: new SessionSaver({ sessions: store }) });
    return new RunnableWithSession({
      runnable: graph,
      sessions: store,
      inputMessagesKey: "messages",
      outputMessagesKey: "messages",
    });
  };

  test("a graph that waits is resumed by another store and session of the user; each message is stored once", async () => {
    const paused = await turnsOf(sessions).invoke({ messages: "What is it?" }, sessionConfig(session));
    expect(isInterrupted(paused)).toBe(true);
    expect(texts(await sessions.history(session).getMessages())).toEqual(["What is it?"]);
    const elsewhere = new SessionStore({ client });
    const { session: second } = await elsewhere.create({
      ...owner,
      agentId: "support",
      conversationId: session.conversationId,
    });
    await sessions.endById(owner, session.id);
    await turnsOf(elsewhere).invoke(new Command({ resume: "tea" }), sessionConfig(second));
    expect(texts(await sessions.history(second).getMessages())).toEqual(["What is it?", "It is tea."]);
    await expect(turnsOf(elsewhere).invoke(new Command({ resume: "tea" }), sessionConfig(second))).rejects.toThrow(
      InvalidOptionError,
    );
    await elsewhere.close();
  });

  test("after clear() nothing waits any more, and the next turn begins again", async () => {
    await turnsOf(sessions).invoke({ messages: "What is it?" }, sessionConfig(session));
    await sessions.history(session).clear();
    const resumed = turnsOf(sessions).invoke(new Command({ resume: "tea" }), sessionConfig(session));
    await expect(resumed).rejects.toThrow(InvalidOptionError);
    await turnsOf(sessions).invoke({ messages: "Again" }, sessionConfig(session));
    expect(texts(await sessions.history(session).getMessages())).toEqual(["Again"]);
  });
});

describe("what becomes of the thread", () => {
  test("a write renews session, thread and conversation; all keys of a thread have one deadline", async () => {
    const store = new SessionStore({ client, idleTimeout: "30m", lifetime: "1h", conversationTtl: "2h" });
    const { session: short } = await store.create({ ...owner, agentId: "support" });
    await store.history(short).addMessages([new HumanMessage("Hi")]);
    const keys = keysOf(owner);
    const lasting = [keys.conversation(short.conversationId), keys.messages(short.conversationId)];
    const record = keys.session(short.id);
    for (const key of lasting) await client.pexpire(key, 60_000);
    await client.hincrby(record, "activeAt", -60_000);
    const activeAt = Number(await client.hget(record, "activeAt"));
    await twoSteps(nothing, new SessionSaver({ sessions: store })).invoke({ steps: ["a"] }, sessionConfig(short));
    expect(Number(await client.hget(record, "activeAt"))).toBeGreaterThan(activeAt + 59_000);
    for (const key of lasting) expect(await client.pttl(key)).toBeGreaterThan(7_000_000);
    // -2: short values are in the checkpoints themselves, so that this thread has no nodes.
    const all = await Promise.all(threadOf(short).map((key) => client.pexpiretime(key)));
    const deadlines = all.filter((deadline) => deadline !== -2);
    expect(deadlines.length).toBeGreaterThan(1);
    expect(new Set(deadlines).size).toBe(1);
    expect(Math.abs(Number(await client.zscore(keys.threads, short.conversationId)) - Number(deadlines[0]))).toBe(0);
    expect(await client.pexpiretime(keys.threads)).toBe(deadlines[0]);
    await store.close();
  });

  test("the conversation begins with its thread, once; threads that have expired are not listed any more", async () => {
    const keys = keysOf(owner);
    const conversation = keys.conversation(session.conversationId);
    await client.zadd(keys.threads, String(Date.now() - 1), "expired");
    await twoSteps(nothing).invoke({ steps: ["a"] }, sessionConfig(session));
    expect(await client.zrange(keys.threads, 0, "-1")).toEqual([session.conversationId]);
    const { createdAt = "", agentId } = await client.hgetall(conversation);
    expect([Number(createdAt) > 0, agentId]).toEqual([true, "support"]);
    await client.hset(conversation, "createdAt", "1");
    await twoSteps(nothing).invoke({ steps: ["b"] }, sessionConfig(session));
    expect(await client.hget(conversation, "createdAt")).toBe("1");
  });

  test("reading renews nothing, and an ended session reads nothing", async () => {
    const graph = twoSteps(nothing);
    await graph.invoke({ steps: ["a"] }, sessionConfig(session));
    const before = await dump();
    await graph.getState(sessionConfig(session));
    expect(await dump()).toEqual(before);
    await sessions.endAll(owner);
    await expect(graph.getState(sessionConfig(session))).rejects.toThrow(SessionNotFoundError);
    await expect(saverOf().list(sessionConfig(session)).next()).rejects.toThrow(SessionNotFoundError);
    await expect(saverOf().deleteThread(session.conversationId, session)).rejects.toThrow(SessionNotFoundError);
    await expect(saverOf().prune(session.conversationId, { keep: 1, session })).rejects.toThrow(SessionNotFoundError);
    const history = saverOf().getDeltaChannelHistory({ config: sessionConfig(session), channels: ["steps"] });
    await expect(history).rejects.toThrow(SessionNotFoundError);
    const writes = saverOf().putWrites(
      { ...sessionConfig(session), configurable: { session, checkpoint_id: "a" } },
      [["steps", 1]],
      "task",
    );
    await expect(writes).rejects.toThrow(SessionNotFoundError);
  });

  test("openConversation leaves the thread with its conversation; a run in flight writes where it began", async () => {
    await twoSteps(nothing).invoke({ steps: ["a"] }, sessionConfig(session));
    let opened: Session | undefined;
    const graph = twoSteps(async () => {
      opened ??= await sessions.openConversation(session);
    });
    await graph.invoke({ steps: ["b"] }, sessionConfig(session));
    expect((await graph.getState(sessionConfig(session))).values.steps).toEqual(["a", "one", "two", "b", "one", "two"]);
    expect((await graph.getState(sessionConfig(opened ?? expect.unreachable()))).values).toEqual({});
  });

  test("eraseUser removes threads with and without messages, in steps, and leaves marks without content", async () => {
    const made: Session[] = [];
    for (let index = 0; index < 3; index++) {
      const { session: one } = await sessions.create({ ...owner, agentId: "support" });
      if (index === 0) await sessions.history(one).addMessages([new HumanMessage("Hi")]);
      await asking().invoke({ steps: ["a secret"] }, sessionConfig(one));
      made.push(one);
    }
    expect(await sessions.eraseUser(owner)).toMatchObject({ conversations: 1, threads: 3 });
    for (const one of made) expect(await thereOf(one)).toBe(0);
    const keys = await client.keys(`${keysOf(owner).base.replaceAll(/[{}]/g, "?")}:*`);
    const left = await Promise.all(
      keys.map(async (key) => {
        const type = await client.type(key);
        return JSON.stringify(
          type === "hash" ? await client.hgetall(key) : type === "string" ? await client.get(key) : type,
        );
      }),
    );
    expect(left.join()).not.toMatch(/secret|support/);
    // It is safe to repeat, and finds nothing more.
    expect(await sessions.eraseUser(owner)).toMatchObject({ sessions: 0, threads: 0 });
  });

  test("eraseUser during a run: the run is refused, and nothing comes back", async () => {
    await twoSteps(nothing).invoke({ steps: ["a"] }, sessionConfig(session));
    const graph = twoSteps(() => sessions.eraseUser(owner));
    await expect(graph.invoke({ steps: ["b"] }, sessionConfig(session))).rejects.toThrow(SessionNotFoundError);
    expect(await thereOf(session)).toBe(0);
  });

  test("conversations.delete takes a thread that has no message yet", async () => {
    await asking().invoke({ steps: ["a"] }, sessionConfig(session));
    await sessions.conversations.delete(owner, session.conversationId);
    expect(await thereOf(session)).toBe(0);
    expect(await client.zscore(keysOf(owner).threads, session.conversationId)).toBeNull();
    await expect(sessions.conversations.delete(owner, session.conversationId)).rejects.toThrow(
      ConversationNotFoundError,
    );
  });
});
