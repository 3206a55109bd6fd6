// Canaries: each fails when LangGraph changes an internal on which src/frameworks/langgraph.ts depends.
import { type AIMessageChunk, type BaseMessage, RemoveMessage } from "@langchain/core/messages";
import { describe, expect, test } from "vitest";
import {
  answersOrRoutes,
  asAsked,
  askedStream,
  deleteThreadOf,
  hasCheckpointer,
  isCommand,
  isGraph,
  isListenedTo,
  isPaused,
  isUnheard,
  keepsThread,
  partsOf,
  removalOfAll,
  runSignalOf,
  saidPartOf,
  threadOf,
  unspoken,
  withoutPause,
} from "../../src/frameworks/langgraph.js";
import { addFirst, giveId, messageOf, type RunCallbacks } from "../../src/frameworks/langchain-core.js";
import { texts } from "../support/turns.js";
import { modelOf, type Versions, versionsOf } from "./support/versions.js";

type Node = Parameters<ReturnType<typeof builderOf>["addNode"]>[1];

const builderOf = ({ langgraph }: Versions) => new langgraph.StateGraph(langgraph.MessagesAnnotation);

function graphOf(versions: Versions, node: unknown, options: object = {}) {
  const { START, END } = versions.langgraph;
  const builder = builderOf(versions).addNode("says", node as Node);
  return builder.addEdge(START, "says").addEdge("says", END).compile(options);
}

async function all<Chunk>(stream: Promise<AsyncIterable<Chunk>>): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of await stream) chunks.push(chunk);
  return chunks;
}

const chunksOf = (stream: Promise<AsyncIterable<unknown>>) => all(stream as Promise<AsyncIterable<unknown[]>>);

describe.each(versionsOf("@langchain/langgraph"))("%s", (_version, versions) => {
  const { langgraph, messages } = versions;
  const { HumanMessage, AIMessage } = messages;
  const says = () => ({ messages: [new AIMessage({ content: "Hello.", id: "a" })] });
  const asks = () => ({ messages: [new AIMessage(String(langgraph.interrupt("Sure?")))] });
  const thread = { configurable: { thread_id: "1" } };
  const input = { messages: [new HumanMessage({ content: "Hi", id: "h" })] };

  test("what a handler in front changes in a part, a stream of messages shows, and shows the answer once", async () => {
    const model = modelOf(versions, "one two");
    const handler = versions.callbacks.BaseCallbackHandler.fromMethods({
      handleLLMNewToken: (...[, , , , , fields]) => {
        const message = messageOf(fields?.chunk);
        if (message) giveId(message, "fresh");
      },
    });
    handler.awaitHandlers = true;
    const node = async (state: { messages: BaseMessage[] }, config: { callbacks: RunCallbacks }) => {
      addFirst(config.callbacks, handler);
      const answer = await model.invoke(state.messages, config as never);
      return { messages: [giveId(answer, "fresh")] };
    };
    const earlier = { messages: [...input.messages, new AIMessage({ content: "Hello.", id: "said" })] };
    const stream = graphOf(versions, node).stream(earlier, { streamMode: "messages" });
    const told = (await chunksOf(stream as never)).map(([message]) => message as BaseMessage);
    expect(told.map(({ id, text }) => [id, text])).toEqual([
      ["fresh", "one "],
      ["fresh", "two"],
    ]);
  });

  test("a compiled graph has lg_is_pregel, and a runnable that is none has not", () => {
    expect(isGraph(graphOf(versions, says))).toBe(true);
    expect(isGraph(versions.runnables.RunnableLambda.from(says))).toBe(false);
  });

  test("a Command has the lg_name Command", () => {
    expect(isCommand(new langgraph.Command({ resume: true }))).toBe(true);
    expect([input, "Hi", null].map(isCommand)).toEqual([false, false, false]);
  });

  test("a Command has what it resumes with as resume, and where it goes as goto", () => {
    const { Command, Send } = langgraph;
    const commands = [
      { resume: false },
      { goto: "says" },
      { goto: new Send("says", {}) },
      { update: { messages: [] } },
    ];
    expect(commands.map((fields) => answersOrRoutes(new Command(fields as object)))).toEqual([true, true, true, false]);
  });

  test("a graph has its checkpointer as checkpointer, also when a config is bound, and one in a node has __pregel_read", async () => {
    const checkpointer = new langgraph.MemorySaver();
    const graph = graphOf(versions, says, { checkpointer });
    const others = [graphOf(versions, says), graphOf(versions, says, { checkpointer: false }), graph.withConfig({ tags: ["a"] })]; // prettier-ignore
    expect([graph, ...others].map((one) => keepsThread(one, {}))).toEqual([true, false, false, true]);
    const seen: boolean[] = [];
    const looks = (_state: unknown, config: object): object => {
      seen.push(keepsThread(graph, config));
      return {};
    };
    await graphOf(versions, looks).invoke(input);
    expect(seen).toEqual([false]);
  });

  test("the state of a thread tells that a run waits, also for a second answer, and that it has ended", async () => {
    const asksTwice = () => ({
      messages: [new AIMessage(`${langgraph.interrupt("Sure?")} ${langgraph.interrupt("Really?")}`)],
    });
    const graph = graphOf(versions, asksTwice, { checkpointer: new langgraph.MemorySaver() });
    const bound = graph.withConfig(thread);
    const seen: [boolean, string[]][] = [];
    const look = async (): Promise<void> => {
      const { values, isOpen } = await threadOf(bound, {});
      seen.push([isOpen, texts((values as { messages?: BaseMessage[] }).messages ?? [])]);
    };
    await look();
    await graph.invoke(input, thread);
    await look();
    await graph.invoke(new langgraph.Command({ resume: "yes" }) as never, thread);
    await look();
    await graph.invoke(new langgraph.Command({ resume: "really" }) as never, thread);
    await look();
    expect(seen).toEqual([
      [false, []],
      [true, ["Hi"]],
      [true, ["Hi"]],
      [false, ["Hi", "yes really"]],
    ]);
  });

  test("a checkpointer deletes a thread by its id", async () => {
    const graph = graphOf(versions, says, { checkpointer: new langgraph.MemorySaver() });
    await graph.invoke(input, thread);
    await deleteThreadOf(graph, thread);
    expect((await threadOf(graph, thread)).values).toEqual({});
  });

  test("a Command for a thread that has ended returns its state, and runs nothing", async () => {
    let runs = 0;
    const counts = () => {
      runs += 1;
      return says();
    };
    const graph = graphOf(versions, counts, { checkpointer: new langgraph.MemorySaver() });
    await graph.invoke(input, thread);
    const { messages: state } = await graph.invoke(new langgraph.Command({ resume: true }) as never, thread);
    expect([texts(state), runs]).toEqual([["Hi", "Hello."], 1]);
  });

  test("a pause is told to a stream of updates and to one of values", async () => {
    const graph = graphOf(versions, asks, { checkpointer: new langgraph.MemorySaver() });
    const chunks = await chunksOf(graph.stream(input, { ...thread, streamMode: ["updates", "values"] } as never));
    const pauses = chunks.map(partsOf).filter(({ payload }) => isPaused(payload));
    expect(pauses.map(({ mode }) => mode)).toEqual(["updates", "values"]);
  });

  test("a graph that waits for a person returns its state with __interrupt__, and streams that in place of its state", async () => {
    const graph = graphOf(versions, asks, { checkpointer: new langgraph.MemorySaver() });
    const output = await graph.invoke(input, thread);
    expect(isPaused(output)).toBe(true);
    expect(Object.keys(withoutPause(output as never))).toEqual(["messages"]);
    const other = { configurable: { thread_id: "2" } };
    const values = await all(graph.stream(input, { ...other, streamMode: "values" }));
    expect(values.map(isPaused)).toEqual([false, true]);
  });

  test("a node's config has the checkpointer as __pregel_checkpointer", async () => {
    const seen: boolean[] = [];
    const looks = (_state: unknown, config: object): object => {
      seen.push(hasCheckpointer(config));
      return {};
    };
    await graphOf(versions, looks).invoke(input);
    await graphOf(versions, looks, { checkpointer: new langgraph.MemorySaver() }).invoke(input, thread);
    expect(seen).toEqual([false, true]);
  });

  test("__pregel_abort_signals has one externalAbortSignal for a run, another than the step's, heard during each step only", async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const listened: boolean[] = [];
    const looks = (_state: unknown, config: { signal?: AbortSignal }): object => {
      const signal = runSignalOf(config);
      signals.push(signal);
      listened.push(signal !== undefined && signal !== config.signal && isListenedTo(signal, 0));
      return {};
    };
    const { START, END } = langgraph;
    const builder = builderOf(versions)
      .addNode("one", looks as Node)
      .addNode("two", looks as Node);
    const graph = builder.addEdge(START, "one").addEdge("one", "two").addEdge("two", END).compile();
    await graph.invoke(input);
    expect(signals[0]).toBeInstanceOf(AbortSignal);
    expect(signals[1]).toBe(signals[0]);
    expect(listened).toEqual([true, true]);
    await expect.poll(() => isListenedTo(signals[0] as AbortSignal, 0)).toBe(false);
    await graph.invoke(input);
    expect(signals[2]).not.toBe(signals[0]);
  });

  test("__remove_all__ removes all messages of a state, and the state reads messages in their serialised form", async () => {
    const { id } = removalOfAll();
    expect(id).toBe(langgraph.REMOVE_ALL_MESSAGES);
    const kept = [new HumanMessage({ content: "kept", id: "k" }), new AIMessage({ content: "too", id: "t" })];
    const update = () => ({ messages: [removalOfAll(), ...kept].map(unspoken) });
    const output = await graphOf(versions, update).invoke(input);
    expect(texts(output.messages)).toEqual(["kept", "too"]);
    expect(output.messages.map((message) => message.id)).toEqual(["k", "t"]);
    expect(HumanMessage.isInstance(output.messages[0]) && AIMessage.isInstance(output.messages[1])).toBe(true);
  });

  test("a stream of messages passes on the message objects that a node returns, and not their serialised form", async () => {
    const said = async (node: unknown): Promise<unknown[]> =>
      all(graphOf(versions, node).stream(input, { streamMode: "messages" }));
    const answer = new AIMessage({ content: "Hello.", id: "a" });
    expect(await said(() => ({ messages: [answer] }))).toHaveLength(1);
    expect(await said(() => ({ messages: [unspoken(answer)] }))).toHaveLength(0);
  });

  test("a stream in several modes has chunks of mode and payload, with subgraphs behind a namespace", async () => {
    const graph = graphOf(versions, graphOf(versions, says));
    const flat = await all(graph.stream(input, { streamMode: ["updates", "values"] }));
    expect(flat.map((chunk) => partsOf(chunk).mode)).toEqual(["values", "updates", "values"]);
    expect(flat.map((chunk) => partsOf(chunk).namespace)).toEqual([[], [], []]);
    expect(Object.keys(partsOf(flat[1] ?? []).payload as object)).toEqual(["says"]);
    const deep = await all(graph.stream(input, { streamMode: ["updates"], subgraphs: true }));
    expect(deep.map((chunk) => partsOf(chunk).mode)).toEqual(["updates", "updates"]);
    expect(deep.map((chunk) => partsOf(chunk).namespace.length)).toEqual([1, 0]);
  });

  test("a graph streams in its own streamMode unless one is bound or passed, and one mode comes bare", async () => {
    const graph = graphOf(versions, says);
    expect(askedStream(graph, {})).toEqual({ modes: ["updates"], isList: false, subgraphs: false });
    const bound = graph.withConfig({ streamMode: "values", subgraphs: true } as never);
    expect(askedStream(bound, {})).toEqual({ modes: ["values"], isList: false, subgraphs: true });
    expect(askedStream(bound, { streamMode: ["tasks"], subgraphs: false })).toMatchObject({
      modes: ["tasks"],
      isList: true,
    });
    for (const config of [
      { streamMode: "values" },
      { streamMode: "values", subgraphs: true },
      { streamMode: ["values"] },
    ]) {
      const asked = askedStream(graph, config);
      const wide = await chunksOf(graph.stream(input, { ...config, streamMode: ["values", "updates"] } as never));
      const shown = wide.filter((chunk) => partsOf(chunk).mode === "values").map((chunk) => asAsked(chunk, asked));
      expect(JSON.stringify(shown)).toBe(JSON.stringify(await chunksOf(graph.stream(input, config as never))));
    }
  });

  test("a part of a message comes with langgraph_node and langgraph_checkpoint_ns, which two runs of a node do not share", async () => {
    const model = modelOf(versions, "one two");
    const node = async (state: { messages: BaseMessage[] }) => ({ messages: [await model.invoke(state.messages)] });
    const { START, Send } = langgraph;
    const builder = builderOf(versions).addNode("says", node as Node);
    const graph = builder
      .addConditionalEdges(START, () => [new Send("says", input), new Send("says", input)])
      .compile();
    const parts = (await all(graph.stream(input, { streamMode: "messages" }))).map(saidPartOf);
    expect(parts.length).toBeGreaterThanOrEqual(4);
    expect(new Set(parts.map(({ node: name }) => name))).toEqual(new Set(["says"]));
    expect(new Set(parts.map(({ task }) => task)).size).toBe(2);
    expect((parts[0]?.part as AIMessageChunk | undefined)?.text).toBe("one ");
  });

  test("a stream of messages does not show what a model says under the tag nostream", async () => {
    for (const tag of ["nostream", "langsmith:nostream"]) {
      expect(isUnheard(["other", tag])).toBe(true);
      const model = modelOf(versions, "advice");
      const node = async (): Promise<object> => {
        await model.invoke("What now?", { tags: [tag] });
        return {};
      };
      expect(await all(graphOf(versions, node).stream(input, { streamMode: "messages" }))).toEqual([]);
    }
  });

  test("a RemoveMessage of another copy of @langchain/core removes its message too", async () => {
    const update = () => ({ messages: [unspoken(new RemoveMessage({ id: "h" }))] });
    expect((await graphOf(versions, update).invoke(input)).messages).toEqual([]);
  });
});
