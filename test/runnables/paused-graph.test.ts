// A compiled graph with a checkpointer pauses for a person. The turn is stored once and whole, however often it pauses,
// and wherever it is resumed.
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { InMemoryChatMessageHistory } from "@langchain/core/chat_history";
import { RunnableLambda } from "@langchain/core/runnables";
import {
  Annotation,
  Command,
  END,
  interrupt,
  MemorySaver,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { type AgentMiddleware, createAgent, humanInTheLoopMiddleware, tool } from "langchain";
import { z } from "zod";
import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  ConversationBusyError,
  InvalidOptionError,
  OperationConflictError,
  RedisChatMessageHistory,
  type Session,
  SessionStore,
} from "langchain-redis-sessions";
import { RunnableWithSession, type RunnableWithSessionFields } from "langchain-redis-sessions/runnables";
import { client, sessions } from "../support/session-store.js";
import { calling, never, ScriptedModel } from "../support/scripted-model.js";
import { freshId } from "../support/turns.js";
import { lines } from "./support/conversation.js";

type State = typeof MessagesAnnotation.State;
type Graph = RunnableWithSession<{ messages: unknown }, { messages: BaseMessage[] }>;
type Fields = Partial<RunnableWithSessionFields<never, never>>;

let session: Session;
let token: string;
let saver: MemorySaver;
beforeEach(async () => {
  saver = new MemorySaver();
  ({ session, token } = await sessions.create({ userId: freshId(), agentId: "support" }));
});

/** Asks a model, and a person before each tool that the model calls. */
function graphOf(model: ScriptedModel) {
  return new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }: State) => ({ messages: [await model.invoke(messages)] }))
    .addNode("tools", ({ messages }: State) => {
      const asking = messages.findLast((message) => AIMessage.isInstance(message));
      const results = (asking?.tool_calls ?? []).map(
        ({ id, name }) => new ToolMessage({ content: `${name}: ${interrupt(name)}`, tool_call_id: String(id) }),
      );
      return { messages: results };
    })
    .addEdge(START, "model")
    .addConditionalEdges("model", ({ messages }: State) =>
      (messages.at(-1) as AIMessage).tool_calls?.length ? "tools" : END,
    )
    .addEdge("tools", "model")
    .compile({ checkpointer: saver });
}

const over = (runnable: object, fields: Fields = {}): Graph =>
  new RunnableWithSession({
    runnable: runnable as never,
    sessions,
    inputMessagesKey: "messages",
    outputMessagesKey: "messages",
    ...fields,
  } as never) as never;
const configOf = (of: Session, more: object = {}) => ({
  configurable: { session: of, thread_id: of.conversationId, ...more },
});
const config = (more: object = {}) => configOf(session, more);
const resume = (value: unknown): never => new Command({ resume: value }) as never;
const stored = async (): Promise<string[]> => lines(await sessions.history(session).getMessages());
const given = (model: ScriptedModel): string[] => lines(model.given.at(-1) ?? []);
const all = async <Chunk>(stream: AsyncIterable<Chunk>): Promise<Chunk[]> => {
  const chunks: Chunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
};

const ways: [way: string, run: (graph: Graph, input: never, more?: object) => Promise<unknown>][] = [
  ["invoke", (graph, input, more) => graph.invoke(input, config(more))],
  ["stream", async (graph, input, more) => all(await graph.stream(input, config(more)))],
  ["streamEvents", (graph, input, more) => all(graph.streamEvents(input, { ...config(more), version: "v2" }))],
  [
    "stream of messages",
    async (graph, input, more) => all(await graph.stream(input, { ...config(more), streamMode: "messages" })),
  ],
];

describe.each(ways)("a graph that pauses and is resumed, by %s", (_way, run) => {
  test("stores the question at the pause, and the rest of the turn once it is resumed", async () => {
    const model = new ScriptedModel("Hello.", calling(["pay", {}]), "Paid.", "Bye.");
    const graph = over(graphOf(model));
    await run(graph, { messages: "hi" } as never);
    await run(graph, { messages: "one" } as never);
    expect(await stored()).toEqual(["human: hi", "ai: Hello.", "human: one"]);
    await run(graph, resume("yes"));
    const turn = ["human: hi", "ai: Hello.", "human: one", "ai: ", "tool: pay: yes", "ai: Paid."];
    expect(await stored()).toEqual(turn);
    expect(given(model)).toEqual(turn.slice(0, -1));
    await run(graph, { messages: "two" } as never);
    expect(await stored()).toEqual([...turn, "human: two", "ai: Bye."]);
    expect(given(model)).toEqual([...turn, "human: two"]);
  });

  test("stores each message once when it pauses several times in a turn", async () => {
    const model = new ScriptedModel(calling(["look", {}]), calling(["pay", {}], ["pack", {}]), "Done.");
    const graph = over(graphOf(model));
    await run(graph, { messages: "one" } as never);
    await run(graph, resume("seen"));
    expect(await stored()).toEqual(["human: one", "ai: ", "tool: look: seen"]);
    await run(graph, resume("yes"));
    expect(await stored()).toEqual(["human: one", "ai: ", "tool: look: seen"]);
    await run(graph, resume("no"));
    const turn = ["human: one", "ai: ", "tool: look: seen", "ai: ", "tool: pay: yes", "tool: pack: no", "ai: Done."];
    expect(await stored()).toEqual(turn);
    expect(given(model)).toEqual(turn.slice(0, -1));
  });

  test("goes on with a new input instead: the call has an error for its result, stored and shown once", async () => {
    const model = new ScriptedModel(calling(["pay", {}]), "Never mind.", "Bye.");
    const graph = over(graphOf(model));
    await run(graph, { messages: "one" } as never);
    await run(graph, { messages: "two" } as never);
    const turns = [
      "human: one",
      "ai!: ",
      "tool!: The turn was interrupted before this returned a result.",
      "human: two",
      "ai: Never mind.",
    ];
    expect(await stored()).toEqual(turns);
    expect(given(model).map((line) => line.replace("!", ""))).toEqual(
      turns.slice(0, -1).map((line) => line.replace("!", "")),
    );
    await run(graph, { messages: "three" } as never);
    expect(await stored()).toEqual([...turns, "human: three", "ai: Bye."]);
    expect(given(model)).toHaveLength(6);
  });

  test("refuses a second resumption before anything runs", async () => {
    const model = new ScriptedModel(calling(["pay", {}]), "Paid.");
    const graph = over(graphOf(model));
    await run(graph, { messages: "one" } as never);
    await run(graph, resume("yes"));
    await expect(run(graph, resume("yes"))).rejects.toThrow(InvalidOptionError);
    await expect(run(graph, resume("yes"))).rejects.toThrow("nothing waits in this thread");
    expect(model.given).toHaveLength(2);
    expect(await stored()).toEqual(["human: one", "ai: ", "tool: pay: yes", "ai: Paid."]);
  });
});

test("the caller gets what the graph returns: the state and __interrupt__, then the state", async () => {
  const graph = over(graphOf(new ScriptedModel(calling(["pay", {}]), "Paid.")));
  const paused = await graph.invoke({ messages: "one" }, config());
  expect(paused).toMatchObject({ __interrupt__: [{ value: "pay" }] });
  expect(lines(paused.messages)).toEqual(["human: one", "ai: "]);
  const { messages, ...others } = await graph.invoke(resume("yes"), config());
  expect(lines(messages)).toEqual(["human: one", "ai: ", "tool: pay: yes", "ai: Paid."]);
  expect(others).toEqual({});
});

test("a Command fits the types of a compiled graph", async () => {
  const graph = new RunnableWithSession({
    runnable: graphOf(new ScriptedModel(calling(["pay", {}]), "Paid.")),
    sessions,
    inputMessagesKey: "messages",
    outputMessagesKey: "messages",
  });
  await graph.invoke({ messages: [new HumanMessage("one")] }, config());
  const { messages } = await graph.invoke(new Command({ resume: "yes" }), config());
  expect(lines(messages)).toEqual(await stored());
});

test("another object, in another store, with another session of the user resumes the turn when the first session is over", async () => {
  const elsewhere = new SessionStore({ client });
  await over(graphOf(new ScriptedModel(calling(["pay", {}])))).invoke({ messages: "one" }, config());
  await sessions.end(token);
  const { userId, agentId, conversationId } = session;
  const { session: later } = await elsewhere.create({ userId, agentId, conversationId });
  const graph = over(graphOf(new ScriptedModel("Paid.")), { sessions: elsewhere });
  await graph.invoke(resume("yes"), configOf(later));
  session = later;
  expect(await stored()).toEqual(["human: one", "ai: ", "tool: pay: yes", "ai: Paid."]);
  await elsewhere.close();
});

test("a session of another user does not resume the thread", async () => {
  const model = new ScriptedModel(calling(["pay", {}]), "Paid.");
  const graph = over(graphOf(model));
  await graph.invoke({ messages: "one" }, config());
  const { session: other } = await sessions.create({ userId: freshId(), agentId: "support" });
  const call = graph.invoke(resume("yes"), configOf(other, { thread_id: session.conversationId }));
  await expect(call).rejects.toThrow("the conversation has none of the messages of the thread");
  expect(model.given).toHaveLength(1);
});

test("a conversation that was cleared while the graph paused stays cleared", async () => {
  const model = new ScriptedModel(calling(["pay", {}]), "Paid.", "Anew.");
  const graph = over(graphOf(model));
  await graph.invoke({ messages: "one" }, config());
  await sessions.history(session).clear();
  await expect(graph.invoke(resume("yes"), config())).rejects.toThrow("it was cleared");
  expect(await stored()).toEqual([]);
  await graph.invoke({ messages: "two" }, config({ thread_id: freshId() }));
  expect(await stored()).toEqual(["human: two", "ai: Paid."]);
});

const pay = ["human: one", "ai: ", "tool: pay: yes", "ai: Paid."];
const error = "tool!: The turn was interrupted before this returned a result.";

test.each([{}, { window: { messages: 2 } }])(
  "a new input in place of an answer, when the conversation went on elsewhere, with %o: the error follows its call in the thread",
  async (options) => {
    const store = new SessionStore({ client, ...options });
    const model = new ScriptedModel(calling(["pay", {}]), "Never mind.");
    const graph = over(graphOf(model), { sessions: store });
    await graph.invoke({ messages: "one" }, config());
    await sessions
      .history(session)
      .addMessages([
        new HumanMessage({ id: freshId(), content: "by hand" }),
        new AIMessage({ id: freshId(), content: "re: by hand" }),
      ]);
    await graph.invoke({ messages: "two" }, config());
    await store.close();
    expect(given(model)).toEqual(["human: one", "ai!: ", error, "human: by hand", "ai: re: by hand", "human: two"]);
    const turns = ["human: one", "human: by hand", "ai: re: by hand", "ai!: ", error, "human: two", "ai: Never mind."];
    expect(await stored()).toEqual(turns);
  },
);

test("a new input in place of a second answer to one node gives the pause up too", async () => {
  const model = new ScriptedModel(calling(["pay", {}], ["pack", {}]), "Never mind.");
  const graph = over(graphOf(model));
  await graph.invoke({ messages: "one" }, config());
  await graph.invoke(resume("yes"), config());
  await graph.invoke({ messages: "two" }, config());
  expect(await stored()).toEqual(["human: one", "ai!: ", error, error, "human: two", "ai: Never mind."]);
});

test("a call without a result is not stored at a pause, also with another one behind it", async () => {
  const graph = over(
    new StateGraph(MessagesAnnotation)
      .addNode("models", () => ({ messages: [calling(["pay", {}])(), calling(["pack", {}])()] }))
      .addNode("ask", () => ({ messages: [new AIMessage(interrupt<string, string>("Sure?"))] }))
      .addEdge(START, "models")
      .addEdge("models", "ask")
      .compile({ checkpointer: saver }),
  );
  await graph.invoke({ messages: "one" }, config());
  expect(await stored()).toEqual(["human: one"]);
});

test("a new input whose model fails: the pause that it gave up is stored all the same", async () => {
  const model = new ScriptedModel(calling(["pay", {}]), new Error("no model today"), "Hello.");
  const graph = over(graphOf(model));
  await graph.invoke({ messages: "one" }, config());
  await expect(graph.invoke({ messages: "two" }, config())).rejects.toThrow("no model today");
  await graph.invoke({ messages: "three" }, config());
  const turns = ["human: one", "ai!: ", error, "human!: two", "human: three", "ai: Hello."];
  expect((await stored()).map((line) => line.replace("!", ""))).toEqual(turns.map((line) => line.replace("!", "")));
});

describe("what a person decides", () => {
  /** Writes a draft, and lets a person change it. */
  const drafting = () =>
    new StateGraph(MessagesAnnotation)
      .addNode("write", () => ({ messages: [new AIMessage({ id: "draft", content: "Dear Sir" })] }))
      .addNode("review", ({ messages }: State) => {
        const draft = messages.at(-1) as AIMessage;
        return { messages: [new AIMessage({ id: String(draft.id), content: interrupt<string, string>(draft.text) })] };
      })
      .addNode("send", () => ({ messages: [new AIMessage("Sent.")] }))
      .addEdge(START, "write")
      .addEdge("write", "review")
      .addEdge("review", "send")
      .compile({ checkpointer: saver });

  test("about a draft is stored in the form that it is given then", async () => {
    const graph = over(drafting());
    await graph.invoke({ messages: "one" }, config());
    expect(await stored()).toEqual(["human: one"]);
    await graph.invoke(resume("Dear Ada"), config());
    expect(await stored()).toEqual(["human: one", "ai: Dear Ada", "ai: Sent."]);
  });

  test("about the result of a tool is stored in the form that it is given then", async () => {
    const graph = over(
      new StateGraph(MessagesAnnotation)
        .addNode("look", () => {
          const call = calling(["look", {}])();
          const tool_call_id = String(call.tool_calls?.[0]?.id);
          return { messages: [call, new ToolMessage({ id: "seen", content: "a@b.c", tool_call_id })] };
        })
        .addNode("review", ({ messages }: State) => {
          const { tool_call_id } = messages.at(-1) as ToolMessage;
          return { messages: [new ToolMessage({ id: "seen", content: interrupt("Show it?"), tool_call_id })] };
        })
        .addEdge(START, "look")
        .addEdge("look", "review")
        .compile({ checkpointer: saver }),
    );
    await graph.invoke({ messages: "one" }, config());
    expect(await stored()).toEqual(["human: one"]);
    await graph.invoke(resume("***"), config());
    expect(await stored()).toEqual(["human: one", "ai: ", "tool: ***"]);
  });

  test("about a draft never comes: the draft is stored as interrupted, with the next turn", async () => {
    const graph = over(drafting());
    await graph.invoke({ messages: "one" }, config());
    await graph.invoke({ messages: "two" }, config());
    await graph.invoke(resume("Dear Bob"), config());
    expect(await stored()).toEqual(["human: one", "ai!: Dear Sir", "human: two", "ai: Dear Bob", "ai: Sent."]);
  });

  test("comes with an update of the state: it is stored where the state has it", async () => {
    const model = new ScriptedModel(calling(["pay", {}]), "Paid.");
    const graph = over(graphOf(model));
    await graph.invoke({ messages: "one" }, config());
    const note = new HumanMessage("and hurry");
    await graph.invoke(new Command({ resume: "yes", update: { messages: [note] } }) as never, config());
    const messages = await sessions.history(session).getMessages();
    expect(lines(messages).toSorted()).toEqual([...pay, "human: and hurry"].toSorted());
  });

  test("is to go to another node: what that node adds is stored, and the thread still waits", async () => {
    const graph = over(drafting());
    await graph.invoke({ messages: "one" }, config());
    const output = await graph.invoke(new Command({ goto: "send" }) as never, config());
    expect(output).toHaveProperty("__interrupt__");
    expect(await stored()).toEqual(["human: one"]);
    await graph.invoke(resume("Dear Ada"), config());
    const [question, ...answers] = await stored();
    expect([question, answers.toSorted()]).toEqual(["human: one", ["ai: Dear Ada", "ai: Sent.", "ai: Sent."]]);
  });
});

describe("an agent with humanInTheLoopMiddleware", () => {
  const transfer = tool(({ amount }) => `sent ${amount}`, {
    name: "transfer",
    description: "Sends money",
    schema: z.object({ amount: z.number() }),
  });
  const agentOf = (model: ScriptedModel) =>
    createAgent({
      model,
      tools: [transfer],
      checkpointer: saver,
      // Its types do not hold under exactOptionalPropertyTypes.
      middleware: [humanInTheLoopMiddleware({ interruptOn: { transfer: true } } as never) as AgentMiddleware],
    }).graph;

  test.each<[decision: object, result: string]>([
    [{ type: "approve" }, "tool: sent 5"],
    [{ type: "edit", editedAction: { name: "transfer", args: { amount: 3 } } }, "tool: sent 3"],
    [{ type: "reject", message: "No." }, "tool: No."],
  ])("is resumed with the decision %o", async (decision, result) => {
    const model = new ScriptedModel("Hello.", calling(["transfer", { amount: 5 }]), "Done.");
    const graph = over(agentOf(model));
    await graph.invoke({ messages: "hi" }, config());
    await graph.invoke({ messages: "one" }, config());
    expect(await stored()).toEqual(["human: hi", "ai: Hello.", "human: one"]);
    await graph.invoke(resume({ decisions: [decision] }), config());
    expect(await stored()).toEqual(["human: hi", "ai: Hello.", "human: one", "ai: ", result, "ai: Done."]);
    expect(given(model)).toEqual((await stored()).slice(0, -1));
  });
});

describe("a reader who leaves at the pause", () => {
  test.each([
    ["updates", "keep"],
    ["values", "keep"],
    ["updates", "discard"],
  ] as const)("of a stream of %s interrupts nothing, with onInterrupt %s", async (streamMode, onInterrupt) => {
    const graph = over(graphOf(new ScriptedModel(calling(["pay", {}]), "Paid.")), { onInterrupt });
    for await (const chunk of await graph.stream({ messages: "one" }, { ...config(), streamMode })) {
      if ("__interrupt__" in chunk) break;
    }
    await expect.poll(stored).toEqual(["human: one"]);
    for await (const _chunk of await graph.stream(resume("yes"), { ...config(), streamMode }));
    expect(await stored()).toEqual(pay);
  });
});

describe("a resumed run that breaks off", () => {
  test("before the call has a result can be resumed again, and its result follows its call", async () => {
    const model = new ScriptedModel(calling(["pay", {}]), "Paid.");
    let runs = 0;
    const graph = over(
      new StateGraph(MessagesAnnotation)
        .addNode("model", async ({ messages }: State) => ({ messages: [await model.invoke(messages)] }))
        .addNode("tools", async ({ messages }: State, { signal }) => {
          const [call] = (messages.at(-1) as AIMessage).tool_calls ?? [];
          const answer = interrupt("pay");
          runs += 1;
          if (runs === 1) await never([], signal);
          return { messages: [new ToolMessage({ content: `pay: ${answer}`, tool_call_id: String(call?.id) })] };
        })
        .addEdge(START, "model")
        .addConditionalEdges("model", ({ messages }: State) => (messages.at(-1)?.text === "Paid." ? END : "tools"))
        .addEdge("tools", "model")
        .compile({ checkpointer: saver }),
      { concurrency: "wait" },
    );
    await graph.invoke({ messages: "one" }, config());
    for await (const _state of await graph.stream(resume("yes"), { ...config(), streamMode: "values" })) {
      await vi.waitFor(() => expect(runs).toBe(1));
      break;
    }
    // It waits until the turn that was left is over.
    await graph.invoke(resume("yes"), config());
    expect(await stored()).toEqual(pay);
  });

  test("in the model's answer keeps what was said, and goes on with the next input", async () => {
    const model = new ScriptedModel(calling(["pay", {}]), "Paid at once.", "Bye.");
    model.afterWord = (word) => (word === "at" ? Promise.reject(new Error("line cut")) : Promise.resolve());
    const graph = over(graphOf(model));
    await graph.invoke({ messages: "one" }, config());
    await expect(all(await graph.stream(resume("yes"), { ...config(), streamMode: "messages" }))).rejects.toThrow(
      "line cut",
    );
    expect(await stored()).toEqual([...pay.slice(0, -1), "ai!: Paid at "]);
    await graph.invoke({ messages: "two" }, config());
    expect(await stored()).toEqual([...pay.slice(0, -1), "ai!: Paid at ", "human: two", "ai: Bye."]);
  });

  test("in the model can be resumed again", async () => {
    const model = new ScriptedModel(calling(["pay", {}]), new Error("no model today"), "Paid.");
    const graph = over(graphOf(model));
    await graph.invoke({ messages: "one" }, config());
    await expect(graph.invoke(resume("yes"), config())).rejects.toThrow("no model today");
    await graph.invoke(resume("yes"), config());
    expect(await stored()).toEqual(pay);
  });

  test('with "discard" is stored whole when it is resumed again', async () => {
    const model = new ScriptedModel(calling(["pay", {}]), new Error("no model today"), "Paid.");
    const graph = over(graphOf(model), { onInterrupt: "discard" });
    await graph.invoke({ messages: "one" }, config());
    await expect(all(await graph.stream(resume("yes"), config()))).rejects.toThrow("no model today");
    await graph.invoke(resume("yes"), config());
    expect(await stored()).toEqual(pay);
  });

  test("as it is stored: the same Command stores it, and asks nobody again", async () => {
    const model = new ScriptedModel(calling(["pay", {}]), "Paid.");
    const graph = over(graphOf(model));
    await graph.invoke({ messages: "one" }, config());
    // Its process was killed between the model's answer and the write.
    await graphOf(model).invoke(resume("yes"), { configurable: { thread_id: session.conversationId } });
    await graph.invoke(resume("yes"), config());
    expect(await stored()).toEqual(pay);
    expect(model.given).toHaveLength(2);
  });
});

test("a turn that is aborted while one tool waits for a person, and another runs, waits: it is stored whole when it is resumed", async () => {
  const controller = new AbortController();
  let runs = 0;
  const model = new ScriptedModel(calling(["ask", {}], ["slow", {}]), "Done.");
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }: State) => ({ messages: [await model.invoke(messages)] }))
    .addNode("tool", async ({ call }: never, { signal }) => {
      const { id, name } = call as { id: string; name: string };
      if (name === "ask") return { messages: [new ToolMessage({ content: interrupt("Sure?"), tool_call_id: id })] };
      runs += 1;
      if (runs === 1) await never([], signal);
      return { messages: [new ToolMessage({ content: "slowly", tool_call_id: id })] };
    })
    .addEdge(START, "model")
    .addConditionalEdges("model", ({ messages }: State) => {
      const calls = (messages.at(-1) as AIMessage).tool_calls ?? [];
      return calls.length > 0 ? calls.map((call) => new Send("tool", { call })) : END;
    })
    .addEdge("tool", "model")
    .compile({ checkpointer: saver });
  const read = async () => {
    const stream = await over(graph).stream({ messages: "one" }, { ...config(), signal: controller.signal });
    for await (const chunk of stream) if ("__interrupt__" in chunk) controller.abort();
  };
  await expect(read()).rejects.toThrow(/abort/iu);
  await expect.poll(stored).toEqual(["human: one"]);
  await over(graph).invoke(resume("yes"), config());
  expect(await stored()).toEqual(["human: one", "ai: ", "tool: yes", "tool: slowly", "ai: Done."]);
});

/** Calls a tool whose first run does not come to its end before `controller` aborts it. */
function hangingOnce(model: ScriptedModel, controller: AbortController) {
  let runs = 0;
  return new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }: State) => ({ messages: [await model.invoke(messages)] }))
    .addNode("tools", async ({ messages }: State, { signal }) => {
      const [call] = (messages.at(-1) as AIMessage).tool_calls ?? [];
      runs += 1;
      if (runs === 1) {
        controller.abort();
        await never([], signal);
      }
      return { messages: [new ToolMessage({ content: "slowly", tool_call_id: String(call?.id) })] };
    })
    .addEdge(START, "model")
    .addConditionalEdges("model", ({ messages }: State) =>
      (messages.at(-1) as AIMessage).tool_calls?.length ? "tools" : END,
    )
    .addEdge("tools", "model")
    .compile({ checkpointer: saver });
}

describe("a turn that was aborted in a tool", () => {
  const abortedIn = async (model: ScriptedModel): Promise<Graph> => {
    const controller = new AbortController();
    const graph = over(hangingOnce(model, controller));
    const read = async () => all(await graph.stream({ messages: "one" }, { ...config(), signal: controller.signal }));
    await expect(read()).rejects.toThrow(/abort/iu);
    await expect.poll(stored).toEqual(["human: one", "ai!: ", error]);
    return graph;
  };

  test("has one error in place of its result, also after many turns", async () => {
    const model = new ScriptedModel(calling(["slow", {}]), "a", "b", "c");
    const graph = await abortedIn(model);
    for (const messages of ["two", "three", "four"]) await graph.invoke({ messages }, config());
    const types = model.given.at(-1)?.map(({ type }) => type);
    expect(types).toEqual(["human", "ai", "tool", "human", "ai", "human", "ai", "human"]);
  });

  test("and is resumed all the same: the model is shown the result in place of the error", async () => {
    const model = new ScriptedModel(calling(["slow", {}]), "Done.", "Bye.");
    const graph = await abortedIn(model);
    await graph.invoke(resume("go on"), config());
    expect(await stored()).toEqual(["human: one", "ai!: ", error, "tool: slowly", "ai: Done."]);
    for (const thread_id of [session.conversationId, freshId()]) {
      await graph.invoke({ messages: "two" }, config({ thread_id }));
      const shown = model.given
        .at(-1)
        ?.slice(0, 4)
        .map(({ text }) => text);
      expect(shown).toEqual(["one", "", "slowly", "Done."]);
    }
  });
});

describe("a Command is refused, with what to do, and nothing runs or is stored", () => {
  const noThread = /compiled graph with a checkpointer/;
  test.each<[given: string, runnable: (model: ScriptedModel) => object, command: Command, message: RegExp]>([
    ["a model", (model) => model, new Command({ resume: "yes" }), noThread],
    [
      "a graph in a sequence",
      (model) => RunnableLambda.from((input: never) => input).pipe(graphOf(model) as never),
      new Command({ resume: "yes" }),
      noThread,
    ],
    ["a graph without a checkpointer", (model) => { saver = undefined as never; return graphOf(model); }, new Command({ resume: "yes" }), noThread], // prettier-ignore
    ["a thread that is empty", graphOf, new Command({ resume: "yes" }), /nothing waits in this thread/],
    ["an update alone", graphOf, new Command({ update: { messages: [new HumanMessage("Hi")] } }), /as the input/],
  ])("%s", async (_given, runnable, command, message) => {
    const model = new ScriptedModel("Hello.");
    const call = over(runnable(model)).invoke(command as never, config());
    await expect(call).rejects.toThrow(InvalidOptionError);
    await expect(call).rejects.toThrow(message);
    expect(model.given).toHaveLength(0);
    expect(await stored()).toEqual([]);
  });
});

describe("the options of a turn", () => {
  test('with "reject" of two approvals at once one runs, and the pause does not hold the conversation', async () => {
    let answer = (_text: string): void => {};
    const model = new ScriptedModel(calling(["pay", {}]), () => new Promise((resolve) => (answer = resolve)));
    const graph = over(graphOf(model), { concurrency: "reject" });
    await graph.invoke({ messages: "one" }, config());
    const first = graph.invoke(resume("yes"), config());
    await vi.waitFor(() => expect(model.given).toHaveLength(2));
    await expect(graph.invoke(resume("yes"), config())).rejects.toThrow(ConversationBusyError);
    answer("Paid.");
    await first;
    expect(await stored()).toEqual(pay);
  });

  test('with "wait" of two approvals at once the second is refused when the first is stored', async () => {
    const model = new ScriptedModel(calling(["pay", {}]), "Paid.");
    const graph = over(graphOf(model), { concurrency: "wait" });
    await graph.invoke({ messages: "one" }, config());
    const both = await Promise.allSettled([
      graph.invoke(resume("yes"), config()),
      graph.invoke(resume("yes"), config()),
    ]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(await stored()).toEqual(pay);
    // A refused turn gives the conversation back.
    await graph.invoke({ messages: "two" }, config());
  });

  test("a resumption has an operation id of its own, which is refused once its turn is stored", async () => {
    const model = new ScriptedModel(calling(["pay", {}]), "Paid.");
    const graph = over(graphOf(model));
    const [asking, approving] = [freshId(), freshId()];
    await graph.invoke({ messages: "one" }, config({ operationId: asking }));
    await expect(graph.invoke({ messages: "one" }, config({ operationId: asking }))).rejects.toThrow(
      OperationConflictError,
    );
    await graph.invoke(resume("yes"), config({ operationId: approving }));
    await expect(graph.invoke(resume("yes"), config({ operationId: approving }))).rejects.toThrow(
      OperationConflictError,
    );
    expect(await stored()).toEqual(pay);
  });

  test("a window that hides the question does not hide that it is stored", async () => {
    const windowed = new SessionStore({ client, window: { messages: 2 } });
    const model = new ScriptedModel("Hello.", calling(["pay", {}]), "Paid.");
    const graph = over(graphOf(model), { sessions: windowed });
    await graph.invoke({ messages: "hi" }, config());
    await graph.invoke({ messages: "one" }, config());
    const elsewhere = [new HumanMessage("by hand"), new AIMessage("re: by hand")];
    await sessions.history(session).addMessages(elsewhere);
    await graph.invoke(resume("yes"), config());
    expect(await stored()).toEqual([
      "human: hi",
      "ai: Hello.",
      "human: one",
      "human: by hand",
      "ai: re: by hand",
      ...pay.slice(1),
    ]);
    await windowed.close();
  });
});

test("an answer whose id was used before, in front of the window, takes no other's place when a graph is resumed", async () => {
  const windowed = new SessionStore({ client, window: { messages: 2 } });
  const model = new ScriptedModel(
    new AIMessage({ id: "17", content: "Hello." }),
    "Bye.",
    calling(["pay", {}]),
    new AIMessage({ id: "17", content: "Paid." }),
  );
  const graph = over(graphOf(model), { sessions: windowed });
  for (const messages of ["hi", "bye", "one"]) await graph.invoke({ messages }, config());
  const { messages } = await graph.invoke(resume("yes"), config());
  await windowed.close();
  const turns = ["human: hi", "ai: Hello.", "human: bye", "ai: Bye.", ...pay];
  expect(await stored()).toEqual(turns);
  expect(lines(messages)).toEqual(turns);
});

test("a turn that is under way in the same thread is not taken for one that was given up", async () => {
  let finish = (): void => {};
  const held = new Promise<void>((resolve) => (finish = resolve));
  const model = new ScriptedModel("Hello.", calling(["pay", {}]), "Bye.", "Paid.");
  const compiled = new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }: State) => ({ messages: [await model.invoke(messages)] }))
    .addNode("tools", async ({ messages }: State) => {
      await held;
      const [call] = (messages.at(-1) as AIMessage).tool_calls ?? [];
      return { messages: [new ToolMessage({ content: "pay: yes", tool_call_id: String(call?.id) })] };
    })
    .addEdge(START, "model")
    .addConditionalEdges("model", ({ messages }: State) =>
      (messages.at(-1) as AIMessage).tool_calls?.length ? "tools" : END,
    )
    .addEdge("tools", "model")
    .compile({ checkpointer: saver });
  const graph = over(compiled);
  await graph.invoke({ messages: "hi" }, config());
  const first = graph.invoke({ messages: "one" }, config());
  await expect.poll(async () => (await compiled.getState(config())).next).toEqual(["tools"]);
  await graph.invoke({ messages: "two" }, config());
  finish();
  await first;
  expect(await stored()).toEqual(["human: hi", "ai: Hello.", "human: two", "ai: Bye.", ...pay]);
});

describe("a conversation that is named by sessionId", () => {
  const inMemory = new Map<string, InMemoryChatMessageHistory>();
  test.each<[kind: string, open: (id: string) => RedisChatMessageHistory | InMemoryChatMessageHistory]>([
    ["a RedisChatMessageHistory", (sessionId) => new RedisChatMessageHistory({ client, sessionId })],
    [
      "a RedisChatMessageHistory with a window",
      (sessionId) => new RedisChatMessageHistory({ client, sessionId, window: { messages: 2 } }),
    ],
    [
      "a history of another library",
      (id) => {
        const history = inMemory.get(id) ?? new InMemoryChatMessageHistory();
        inMemory.set(id, history);
        return history;
      },
    ],
  ])("in %s is paused and resumed", async (_kind, open) => {
    const id = freshId();
    const model = new ScriptedModel("Hello.", calling(["pay", {}]), "Paid.");
    const graph = over(graphOf(model), { sessions: undefined, getMessageHistory: open });
    const call = { configurable: { sessionId: id, thread_id: id } };
    await graph.invoke({ messages: "hi" }, call);
    await graph.invoke({ messages: "one" }, call);
    await graph.invoke(resume("yes"), call);
    const whole =
      open(id) instanceof RedisChatMessageHistory ? new RedisChatMessageHistory({ client, sessionId: id }) : open(id);
    expect(lines(await whole.getMessages())).toEqual(["human: hi", "ai: Hello.", ...pay]);
  });
});

describe("graphs of other forms", () => {
  test("two pauses at once are answered one after the other", async () => {
    const graph = over(
      new StateGraph(MessagesAnnotation)
        .addNode("model", () => ({ messages: [calling(["pay", {}], ["pack", {}])()] }))
        .addNode("tool", ({ call }: never) => {
          const { id, name } = call as { id: string; name: string };
          return { messages: [new ToolMessage({ content: `${name}: ${interrupt(name)}`, tool_call_id: id })] };
        })
        .addNode("end", () => ({ messages: [new AIMessage("Done.")] }))
        .addEdge(START, "model")
        .addConditionalEdges("model", ({ messages }: State) =>
          ((messages.at(-1) as AIMessage).tool_calls ?? []).map((call) => new Send("tool", { call })),
        )
        .addEdge("tool", "end")
        .compile({ checkpointer: saver }),
    );
    const paused = (await graph.invoke({ messages: "one" }, config())) as unknown as {
      __interrupt__: { id: string; value: string }[];
    };
    const idOf = (name: string): string => String(paused.__interrupt__.find(({ value }) => value === name)?.id);
    await graph.invoke(resume({ [idOf("pack")]: "later" }), config());
    expect(await stored()).toEqual(["human: one"]);
    await graph.invoke(resume({ [idOf("pay")]: "yes" }), config());
    expect(await stored()).toEqual(["human: one", "ai: ", "tool: pay: yes", "tool: pack: later", "ai: Done."]);
  });

  test("one that keeps its history and its output apart, and pauses before it has an output", async () => {
    const Parts = Annotation.Root({
      input: Annotation<string>,
      history: Annotation<BaseMessage[]>,
      output: Annotation<string>,
    });
    const graph = over(
      new StateGraph(Parts)
        .addNode("ask", ({ input, history }) => ({ output: `${input} ${history.length} ${interrupt("Sure?")}` }))
        .addEdge(START, "ask")
        .compile({ checkpointer: saver }),
      { inputMessagesKey: "input", historyMessagesKey: "history", outputMessagesKey: "output" },
    );
    for (const input of ["one", "two"]) {
      await graph.invoke({ input } as never, config());
      await graph.invoke(resume("yes"), config());
    }
    expect(await stored()).toEqual(["human: one", "ai: one 0 yes", "human: two", "ai: two 2 yes"]);
  });

  test("one that stops at a breakpoint", async () => {
    const model = new ScriptedModel(calling(["pay", {}]), "Paid.");
    const graph = over(
      new StateGraph(MessagesAnnotation)
        .addNode("model", async ({ messages }: State) => ({ messages: [await model.invoke(messages)] }))
        .addNode("tools", ({ messages }: State) => {
          const [call] = (messages.at(-1) as AIMessage).tool_calls ?? [];
          return { messages: [new ToolMessage({ content: "pay: yes", tool_call_id: String(call?.id) })] };
        })
        .addEdge(START, "model")
        .addConditionalEdges("model", ({ messages }: State) => (messages.at(-1)?.text === "Paid." ? END : "tools"))
        .addEdge("tools", "model")
        .compile({ checkpointer: saver, interruptBefore: ["tools"] }),
    );
    await graph.invoke({ messages: "one" }, config());
    expect(await stored()).toEqual(["human: one"]);
    await graph.invoke(resume(true), config());
    expect(await stored()).toEqual(pay);
  });
});

test("a process that was killed while a tool ran: the next turn is shown an answer to its call", async () => {
  const model = new ScriptedModel(calling(["pay", {}]), "Paid.", "Bye.");
  // The graph alone: what it wrote is in its thread, and the process stored nothing.
  await graphOf(model).invoke(
    { messages: [new HumanMessage("one")] },
    { configurable: { thread_id: session.conversationId } },
  );
  const graph = over(graphOf(model));
  await graph.invoke({ messages: "two" }, config());
  expect(given(model)).toEqual(["human: one", "ai: ", "tool!: No result came of this call.", "human: two"]);
  expect(await stored()).toEqual(["human: two", "ai: Paid."]);
});
