// A compiled StateGraph of LangGraph answers with its whole state, and streams what it is asked for. What is stored of a
// turn is the same, whatever that is.
import { AIMessage, type BaseMessage, HumanMessage, RemoveMessage, ToolMessage } from "@langchain/core/messages";
import { RunnableLambda } from "@langchain/core/runnables";
import { END, interrupt, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode, toolsCondition } from "@langchain/langgraph/prebuilt";
import { tool } from "@langchain/core/tools";
import { z } from "zod";
import { beforeEach, describe, expect, test } from "vitest";
import { type Session, SessionStore } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { client, sessions } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { lines } from "./support/conversation.js";
import { hanging, ScriptedModel } from "../support/scripted-model.js";

let session: Session;
let given: string[][];
beforeEach(async () => {
  given = [];
  ({ session } = await sessions.create({ userId: freshId(), agentId: "support" }));
});

type State = typeof MessagesAnnotation.State;

/** Calls a tool, then answers. Each node may be told what its message is called. */
function builder({ answerId, wait = async () => {} }: { answerId?: string; wait?: () => Promise<unknown> } = {}) {
  return new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }: State) => {
      given.push(lines(messages));
      if (messages.at(-1)?.type !== "tool") {
        const call = { id: `call ${messages.length}`, name: "weather", args: {}, type: "tool_call" as const };
        return { messages: [new AIMessage({ content: "Let me see.", tool_calls: [call] })] };
      }
      await wait();
      const content = "Rain.";
      return { messages: [new AIMessage(answerId === undefined ? { content } : { content, id: answerId })] };
    })
    .addNode("tools", ({ messages }: State) => {
      const [call] = (messages.at(-1) as AIMessage).tool_calls ?? [];
      return { messages: [new ToolMessage({ content: "rain", tool_call_id: String(call?.id) })] };
    })
    .addEdge(START, "model")
    .addConditionalEdges("model", ({ messages }: State) => (messages.at(-1)?.text === "Rain." ? END : "tools"))
    .addEdge("tools", "model");
}

// As CompiledStateGraph is typed, its input is an update of its state.
const chainOf = (runnable: object) =>
  new RunnableWithSession<{ messages: unknown }, { messages: BaseMessage[] }>({
    runnable: runnable as never,
    sessions,
    inputMessagesKey: "messages",
    outputMessagesKey: "messages",
  });
const config = (more: object = {}): object => ({ configurable: { session, thread_id: session.id }, ...more });
const stored = async (): Promise<string[]> => lines(await sessions.history(session).getMessages());
const turn = (said: string): string[] => [`human: ${said}`, "ai: Let me see.", "tool: rain", "ai: Rain."];

describe.each([
  { kept: "without a checkpointer", compiled: () => builder().compile() },
  { kept: "with a checkpointer", compiled: () => builder().compile({ checkpointer: new MemorySaver() }) },
])("a graph $kept", ({ compiled }) => {
  test("is invoked with the history, and each turn is stored once", async () => {
    const chain = chainOf(compiled());
    const { messages } = await chain.invoke({ messages: [new HumanMessage("one")] }, config());
    expect(lines(messages)).toEqual(turn("one"));
    await chain.invoke({ messages: [{ role: "user", content: "two" }] }, config());
    await chain.invoke({ messages: "three" }, config());
    expect(await stored()).toEqual([...turn("one"), ...turn("two"), ...turn("three")]);
    expect(given.at(-1)).toEqual([...turn("one"), ...turn("two"), ...turn("three").slice(0, 3)]);
  });

  test.each<[mode: string, options: object, shape: (chunk: unknown) => string]>([
    ["no mode: updates, as the graph has it", {}, (chunk) => Object.keys(chunk as object).join()],
    ["updates", { streamMode: "updates" }, (chunk) => Object.keys(chunk as object).join()],
    ["values", { streamMode: "values" }, (chunk) => String((chunk as State).messages.length)],
    ["several modes", { streamMode: ["updates", "values"] }, (chunk) => String((chunk as unknown[])[0])],
    ["updates with subgraphs", { streamMode: "updates", subgraphs: true }, (chunk) => JSON.stringify((chunk as unknown[])[0])], // prettier-ignore
    ["custom, of which there is none", { streamMode: "custom" }, String],
  ])(
    "is streamed in %s: it shows what the graph alone shows, and each turn is stored once",
    async (_mode, options, shape) => {
      const read = async (stream: AsyncIterable<unknown>): Promise<string[]> => {
        const shapes: string[] = [];
        for await (const chunk of stream) shapes.push(shape(chunk));
        return shapes;
      };
      const alone = await read(
        await compiled().stream(
          { messages: [new HumanMessage("one")] },
          { configurable: { thread_id: "x" }, ...options },
        ),
      );
      const chain = chainOf(compiled());
      const through = await read(await chain.stream({ messages: [new HumanMessage("one")] }, config(options)));
      expect(through).toEqual(alone);
      await read(await chain.stream({ messages: [new HumanMessage("two")] }, config(options)));
      expect(await stored()).toEqual([...turn("one"), ...turn("two")]);
    },
  );

  test("is streamed in the mode it was bound to", async () => {
    const chain = chainOf(compiled().withConfig({ streamMode: "values" } as object));
    const lengths: number[] = [];
    for await (const { messages } of await chain.stream({ messages: "one" }, config())) lengths.push(messages.length);
    expect(lengths).toEqual([1, 2, 3, 4]);
    expect(await stored()).toEqual(turn("one"));
  });

  test("streams events", async () => {
    const events = chainOf(compiled()).streamEvents({ messages: "one" }, { ...config(), version: "v2" });
    const ended: string[] = [];
    for await (const { event, name } of events) if (event === "on_chain_end") ended.push(name);
    expect(ended).toContain("tools");
    expect(ended.at(-1)).toBe("RunnableWithSession");
    expect(await stored()).toEqual(turn("one"));
  });
});

test("a graph whose checkpointer remembers more than the window shows stores each turn once", async () => {
  const windowed = new SessionStore({ client, window: { messages: 4 } });
  const chain = new RunnableWithSession<{ messages: unknown }, { messages: BaseMessage[] }>({
    runnable: builder().compile({ checkpointer: new MemorySaver() }) as never,
    sessions: windowed,
    inputMessagesKey: "messages",
    outputMessagesKey: "messages",
  });
  for (const said of ["one", "two", "three"]) await chain.invoke({ messages: said }, config());
  expect(await stored()).toEqual([...turn("one"), ...turn("two"), ...turn("three")]);
  await windowed.close();
});

describe("a graph whose answers have ids that were used before keeps all of them", () => {
  const ids = ["17", "503", "17"];

  test.each(["no checkpointer", "a checkpointer"])("with %s", async (kept) => {
    const answered: string[] = [];
    const chain = chainOf(
      new StateGraph(MessagesAnnotation)
        .addNode("model", () => {
          const content = `answer ${answered.length + 1}`;
          answered.push(content);
          return { messages: [new AIMessage({ content, id: String(ids[answered.length - 1]) })] };
        })
        .addEdge(START, "model")
        .compile(kept === "a checkpointer" ? { checkpointer: new MemorySaver() } : {}),
    );
    for (const said of ["one", "two", "three"]) await chain.invoke({ messages: said }, config());
    expect(await stored()).toEqual([
      "human: one",
      "ai: answer 1",
      "human: two",
      "ai: answer 2",
      "human: three",
      "ai: answer 3",
    ]);
  });

  test("also when they say the same", async () => {
    const chain = chainOf(
      new StateGraph(MessagesAnnotation)
        .addNode("model", () => ({ messages: [new AIMessage({ content: "Rain.", id: "the same" })] }))
        .addEdge(START, "model")
        .compile(),
    );
    await chain.invoke({ messages: "one" }, config());
    const { messages } = await chain.invoke({ messages: "two" }, config());
    // In its state the graph itself puts the new one in the place of the old.
    expect(messages.length).toBe(3);
    expect(await stored()).toEqual(["human: one", "ai: Rain.", "human: two", "ai: Rain."]);
  });

  test("a call, its result, and the answer after it, of a model", async () => {
    const called = (id: string): AIMessage =>
      new AIMessage({ id, content: "", tool_calls: [{ id: `call-${id}`, name: "look", args: {}, type: "tool_call" }] });
    // Each turn uses one id for its call and its answer, and the turns use it in turn.
    const model = new ScriptedModel(
      called("17"),
      new AIMessage({ content: "first", id: "17" }),
      called("503"),
      new AIMessage({ content: "second", id: "17" }),
    );
    const look = tool(() => "seen", { name: "look", description: "Looks", schema: z.object({}) });
    const chain = chainOf(
      new StateGraph(MessagesAnnotation)
        .addNode("model", async ({ messages }: State) => ({ messages: [await model.invoke(messages)] }))
        .addNode("tools", new ToolNode([look]))
        .addEdge(START, "model")
        .addConditionalEdges("model", toolsCondition, ["tools", "__end__"])
        .addEdge("tools", "model")
        .compile(),
    );
    const turns = ["human: one", "ai: ", "tool: seen", "ai: first", "human: two", "ai: ", "tool: seen", "ai: second"];
    await chain.invoke({ messages: "one" }, config());
    await chain.invoke({ messages: "two" }, config());
    expect(await stored()).toEqual(turns);
    expect(model.given.at(-1)?.map(({ type, text }) => `${type}: ${text}`)).toEqual(turns.slice(0, -1));
  });

  test("a graph that rewrites an earlier answer, and fails, stores no answer again", async () => {
    await sessions
      .history(session)
      .addMessages([new HumanMessage("first"), new AIMessage({ id: "a0", content: "mail a@b" })]);
    const chain = chainOf(
      new StateGraph(MessagesAnnotation)
        .addNode("redact", () => ({ messages: [new AIMessage({ id: "a0", content: "mail ***" })] }))
        .addNode("model", () => {
          throw new Error("away");
        })
        .addEdge(START, "redact")
        .addEdge("redact", "model")
        .compile(),
    );
    const read = async (): Promise<void> => {
      for await (const _part of await chain.stream({ messages: "second" }, config()));
    };
    await expect(read()).rejects.toThrow("away");
    expect(await stored()).toEqual(["human: first", "ai: mail a@b", "human!: second"]);
  });

  test("a call that nobody answers has one stand-in in the thread of a checkpointer, also after many turns", async () => {
    const shown: string[][] = [];
    const call = { id: "c1", name: "look", args: {}, type: "tool_call" as const };
    const chain = chainOf(
      new StateGraph(MessagesAnnotation)
        .addNode("model", ({ messages }: State) => {
          shown.push(messages.map(({ type }) => type));
          return { messages: [new AIMessage(messages.length === 1 ? { content: "", tool_calls: [call] } : "ok")] };
        })
        .addEdge(START, "model")
        .compile({ checkpointer: new MemorySaver() }),
    );
    for (const messages of ["one", "two", "three"]) await chain.invoke({ messages }, config());
    expect(shown.at(-1)).toEqual(["human", "ai", "tool", "human", "ai", "human"]);
  });

  test("what was stored with one id twice is shown twice", async () => {
    const said = ["one", "two"].map((text) => [
      new HumanMessage(text),
      new AIMessage({ content: `re: ${text}`, id: "17" }),
    ]);
    await sessions.history(session).addMessages(said.flat());
    const shown: BaseMessage[][] = [];
    const chain = chainOf(
      new StateGraph(MessagesAnnotation)
        .addNode("model", ({ messages }: State) => {
          shown.push(messages);
          return { messages: [new AIMessage("answer")] };
        })
        .addEdge(START, "model")
        .compile(),
    );
    await chain.invoke({ messages: "three" }, config());
    expect(shown[0]?.map(({ text }) => text)).toEqual(["one", "re: one", "two", "re: two", "three"]);
  });
});

test("a graph that removes messages from its state does not remove them from the conversation", async () => {
  const summarising = new StateGraph(MessagesAnnotation)
    .addNode("forget", ({ messages }: State) => ({
      messages: messages.slice(0, -1).map(({ id }) => new RemoveMessage({ id: String(id) })),
    }))
    .addNode("model", ({ messages }: State) => ({ messages: [new AIMessage(`given ${messages.length}`)] }))
    .addEdge(START, "forget")
    .addEdge("forget", "model")
    .compile();
  await chainOf(summarising).invoke({ messages: "one" }, config());
  await chainOf(summarising).invoke({ messages: "two" }, config());
  expect(await stored()).toEqual(["human: one", "ai: given 1", "human: two", "ai: given 1"]);
});

test.each(["updates", "values"])(
  "a graph that is left while it streams %s keeps what its nodes had done",
  async (mode) => {
    const graph = builder({ wait: () => new Promise(() => {}) }).compile();
    const stream = await chainOf(graph).stream({ messages: "one" }, config({ streamMode: mode }));
    for await (const chunk of stream) {
      const done: string = mode === "updates" ? Object.keys(chunk).join() : String(chunk.messages.at(-1)?.type);
      if (done === "tools" || done === "tool") break;
    }
    expect(await stored()).toEqual(["human: one", "ai: Let me see.", "tool!: rain"]);
  },
);

test("a graph that is left before its tool has answered keeps the call, and an error in place of its result", async () => {
  const stream = await chainOf(builder().compile()).stream({ messages: "one" }, config({ streamMode: "updates" }));
  for await (const _chunk of stream) break;
  const [human, ai, result, ...others] = await sessions.history(session).getMessages();
  expect([human?.type, ai?.type, result?.type, others]).toEqual(["human", "ai", "tool", []]);
  expect((ai as AIMessage).tool_calls?.[0]?.id).toBe((result as ToolMessage).tool_call_id);
});

test("a graph that is left while it streams tokens keeps those that its reader has seen", async () => {
  const model = hanging(["Ra", "in"]);
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("greet", () => ({ messages: [new AIMessage("One moment.")] }))
    .addNode("model", async ({ messages }: State) => ({ messages: [await model.invoke(messages)] }))
    .addEdge(START, "greet")
    .addEdge("greet", "model")
    .compile();
  const stream = await chainOf(graph).stream({ messages: "one" }, config({ streamMode: "messages" }));
  let tokens = 0;
  for await (const _chunk of stream) {
    tokens += 1;
    if (tokens === 3) break;
  }
  expect(await stored()).toEqual(["human: one", "ai: One moment.", "ai!: Rain"]);
});

test("a graph fits as it is, in types as well", async () => {
  const chain = new RunnableWithSession({
    runnable: builder().compile(),
    sessions,
    inputMessagesKey: "messages",
    outputMessagesKey: "messages",
  });
  const options = { configurable: { session } };
  const { messages } = await chain.invoke({ messages: [new HumanMessage("one")] }, options);
  expect(messages.at(-1)?.text).toBe("Rain.");
  const input = { messages: [new HumanMessage("two")] };
  for await (const state of await chain.stream(input, { ...options, streamMode: "values" })) {
    expect(state.messages.length).toBeGreaterThan(4);
  }
});

test("a graph in a sequence is given a mode that shows its state", async () => {
  const graph = builder().compile();
  const sequence = (input: { messages: BaseMessage[] }): { messages: BaseMessage[] } => input;
  const chain = chainOf(
    RunnableLambda.from(sequence).pipe(graph.withConfig({ streamMode: "values" } as object) as never),
  );
  for await (const _state of await chain.stream({ messages: "one" }, config()));
  expect(await stored()).toEqual(turn("one"));
});

test("a graph that pauses inside another runnable is stored as an interrupted turn, which a provider accepts", async () => {
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("model", ({ messages }: State) => {
      given.push(lines(messages));
      const call = { id: `call ${messages.length}`, name: "pay", args: {}, type: "tool_call" as const };
      return { messages: [new AIMessage({ content: "May I?", tool_calls: [call] })] };
    })
    .addNode("ask", () => {
      interrupt("pay?");
      return {};
    })
    .addEdge(START, "model")
    .addEdge("model", "ask")
    .compile({ checkpointer: new MemorySaver() });
  const chain = chainOf(RunnableLambda.from((input: never) => input).pipe(graph as never));
  await chain.invoke({ messages: "one" }, config());
  const open = ["human: one", "ai!: May I?", "tool!: The turn was interrupted before this returned a result."];
  expect(await stored()).toEqual(open);
  await chain.invoke({ messages: "two" }, { configurable: { session, thread_id: freshId() } });
  expect(given.at(-1)).toEqual([...open, "human: two"]);
});
