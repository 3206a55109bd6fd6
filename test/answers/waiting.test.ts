// P14: a run that waits for a person ends its answer with `waiting`, keeps its question and operation id, and goes on later.
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { Command, interrupt, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent, humanInTheLoopMiddleware, tool } from "langchain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Answer, Session, SessionStore } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { SessionSaver } from "langchain-redis-sessions/langgraph";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { client } from "../support/session-store.js";
import { Answering, heard, reason } from "./support/answering.js";

let user: Answering;
const sent: number[] = [];
beforeEach(async () => {
  user = await Answering.on(client);
  sent.length = 0;
});
afterEach(() => user.close());

const transfer = tool(
  ({ amount }) => {
    sent.push(amount);
    return `sent ${amount}`;
  },
  { name: "transfer", description: "Sends money", schema: z.object({ amount: z.number() }) },
);

/** What a process has: a store, a session, and the same graph over it. */
interface Process {
  readonly store: SessionStore;
  readonly session: Session;
}
type Run = (process: Process, model: ScriptedModel, answer: Answer, resumes: boolean) => Promise<unknown>;

const approve = new Command({ resume: { decisions: [{ type: "approve" }] } });
const agentRun =
  (saverOf: (store: SessionStore) => MemorySaver | SessionSaver, persist: "turn" | "step"): Run =>
  ({ store, session }, model, answer, resumes) => {
    const agent = createAgent({
      model,
      tools: [transfer],
      checkpointer: saverOf(store),
      middleware: [
        sessionMiddleware({ sessions: store, persist }),
        // Its types do not hold under exactOptionalPropertyTypes.
        humanInTheLoopMiddleware({ interruptOn: { transfer: true } } as never) as AgentMiddleware,
      ],
    });
    const input = resumes ? approve : { messages: [new HumanMessage("Hi")] };
    return agent.invoke(input as never, {
      context: { session, answer },
      configurable: { session, thread_id: session.conversationId },
    });
  };

const graphRun =
  (saverOf: (store: SessionStore) => MemorySaver | SessionSaver): Run =>
  ({ store, session }, model, answer, resumes) => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("model", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
      .addNode("tools", ({ messages }) => {
        const call = (messages.at(-1) as AIMessage).tool_calls?.[0];
        interrupt("transfer");
        sent.push(Number(call?.args["amount"]));
        return {
          messages: [new ToolMessage({ content: `sent ${call?.args["amount"]}`, tool_call_id: String(call?.id) })],
        };
      })
      .addEdge(START, "model")
      .addConditionalEdges("model", ({ messages }) =>
        (messages.at(-1) as AIMessage).tool_calls?.length ? "tools" : "__end__",
      )
      .addEdge("tools", "model")
      .compile({ checkpointer: saverOf(store) });
    const chain = new RunnableWithSession<unknown, { messages: BaseMessage[] }>({
      runnable: graph,
      sessions: store,
      inputMessagesKey: "messages",
      outputMessagesKey: "messages",
    });
    const input = resumes ? new Command({ resume: "yes" }) : { messages: [new HumanMessage("Hi")] };
    return chain.invoke(input, { configurable: { session, thread_id: session.conversationId, answer } });
  };

/** One for each test: a MemorySaver is shared by the processes, as a database would be. */
let memory: MemorySaver;
beforeEach(() => {
  memory = new MemorySaver();
});
const inMemory = (): MemorySaver => memory;
const inSession = (sessions: SessionStore): SessionSaver => new SessionSaver({ sessions });
const runs: Record<string, Run> = {
  "an agent with a MemorySaver": agentRun(inMemory, "turn"),
  "an agent with a SessionSaver": agentRun(inSession, "turn"),
  "an agent with a SessionSaver that stores steps": agentRun(inSession, "step"),
  "a graph with a MemorySaver": graphRun(inMemory),
  "a graph with a SessionSaver": graphRun(inSession),
};
const whole = ["human: Hi", "ai: ", "tool: sent 5", "ai: Done."];

describe.each(Object.entries(runs))("%s", (_, run) => {
  const pause = async (operationId = "one"): Promise<void> => {
    const answer = await user.begin(operationId);
    answer.send("thinking");
    await run(user, new ScriptedModel(calling(["transfer", { amount: 5 }])), answer, false);
    await answer.close();
  };
  const resume = async (process: Process, operationId = "one"): Promise<ScriptedModel> => {
    const answer = await process.store.answers(process.session).begin({ operationId });
    const model = new ScriptedModel("Done.");
    answer.send("going on");
    await run(process, model, answer, true);
    await answer.close();
    return model;
  };

  test("waits, and is stored once and whole when another session of the user approves in another store", async () => {
    await pause();
    expect(sent).toEqual([]);
    expect(await heard(user.answers)).toEqual(["thinking", { end: "waiting" }]);
    const current = await user.answers.current();
    expect(current).toMatchObject({ operationId: "one", state: "waiting" });
    expect(current?.question.map(({ text }) => text)).toEqual(["Hi"]);
    expect((await user.stored()).filter((line) => line.includes("!"))).toEqual([]);
    // The lease was given back.
    expect(await client.exists(user.keys.turns(user.id).lease)).toBe(0);

    const other = await user.elsewhere();
    const model = await resume(other);
    expect(sent).toEqual([5]);
    expect(await user.stored()).toEqual(whole);
    expect(model.given.at(-1)?.map(({ type }) => type)).toEqual(["human", "ai", "tool"]);
    expect(model.given.at(-1)?.at(-1)?.text).toBe("sent 5");
    expect(await heard(other.answers)).toEqual(["going on", { end: "stored" }]);
    expect(await other.answers.current()).toBeUndefined();
    expect(await reason(user.begin())).toMatchObject({ code: "OPERATION_CONFLICT" });
  });

  test("waits once more, and again goes on", async () => {
    await pause();
    const other = await user.elsewhere();
    const answer = await other.answers.begin({ operationId: "one" });
    await run(other, new ScriptedModel(calling(["transfer", { amount: 6 }])), answer, true);
    await answer.close();
    expect(await user.answers.current()).toMatchObject({ operationId: "one", state: "waiting" });
    await resume(user);
    expect(sent).toEqual([5, 6]);
    expect(await user.stored()).toEqual(["human: Hi", "ai: ", "tool: sent 5", "ai: ", "tool: sent 6", "ai: Done."]);
  });

  test("is running while somebody takes it up; when that breaks off before it goes on, it can be taken up again", async () => {
    await pause();
    const answer = await user.answers.begin({ operationId: "one", lease: 1 });
    expect(await user.answers.current()).toMatchObject({ operationId: "one", state: "running" });
    expect((await user.answers.current())?.question.map(({ text }) => text)).toEqual(["Hi"]);
    await answer.close();
    expect(await user.answers.current()).toMatchObject({ operationId: "one", state: "waiting" });
    expect((await user.stored())[0]).toBe("human: Hi");
    await resume(user);
    expect(sent).toEqual([5]);
    expect(await user.stored()).toEqual(whole);
  });

  test("is given up by a request that repeats it with its question: asked once, answered once", async () => {
    await pause();
    const answer = await user.begin();
    await run(user, new ScriptedModel("Never mind."), answer, false);
    await answer.close();
    expect(await user.stored()).toEqual(["human: Hi", "ai: Never mind."]);
    expect(sent).toEqual([]);
    expect(await user.answers.current()).toBeUndefined();
  });

  test("is no longer offered once another turn followed", async () => {
    await pause();
    const answer = await user.begin("two", { input: "Something else" });
    await answer.store([new AIMessage("Yes?")]);
    await answer.close();
    expect(await user.answers.current()).toBeUndefined();
    expect((await user.stored()).slice(-2)).toEqual(["human: Something else", "ai: Yes?"]);
  });
});

test("a run that waits in a closed answer is not interrupted when close() comes late, or twice", async () => {
  const run = agentRun(inSession, "turn");
  const answer = await user.begin();
  await run(user, new ScriptedModel(calling(["transfer", { amount: 5 }])), answer, false);
  await Promise.all([answer.close(), answer.close()]);
  await answer.close();
  expect(await heard(user.answers)).toEqual([{ end: "waiting" }]);
  expect(await user.stored()).toEqual(["human: Hi"]);
});

test("a session that ends while its run waits does not interrupt it: another session of the user approves", async () => {
  const run = agentRun(inSession, "turn");
  const answer = await user.begin();
  await run(user, new ScriptedModel(calling(["transfer", { amount: 5 }])), answer, false);
  await answer.close();
  const other = await user.elsewhere();
  await user.store.end(user.token);
  expect(await other.answers.current()).toMatchObject({ operationId: "one", state: "waiting" });
  const next = await other.answers.begin({ operationId: "one" });
  await run(other, new ScriptedModel("Done."), next, true);
  await next.close();
  expect((await other.store.history(other.session).getMessages()).map(({ text }) => text)).toEqual([
    "Hi",
    "",
    "sent 5",
    "Done.",
  ]);
});
