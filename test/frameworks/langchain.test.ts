// Canaries: each fails when langchain changes an internal on which src/frameworks/langchain.ts, or the middleware, depends.
import type { BaseMessage } from "@langchain/core/messages";
import { describe, expect, test } from "vitest";
import { isAgent, isStandIn, looksBeforeInput } from "../../src/frameworks/langchain.js";
import { runSignalOf } from "../../src/frameworks/langgraph.js";
import { texts } from "../support/turns.js";
import { modelOf, versionsOf } from "./support/versions.js";

describe.each(versionsOf("langchain"))("%s", (_version, versions) => {
  const { langchain, messages } = versions;
  const { HumanMessage, AIMessage, ToolMessage } = messages;
  const past = [
    new HumanMessage({ content: "Go", id: "h" }),
    new AIMessage({ content: "", id: "a", tool_calls: [{ id: "call", name: "look", args: { at: "x" } }] }),
    new ToolMessage({ content: "saw x", tool_call_id: "call", id: "t" }),
    new AIMessage({ content: "Done.", id: "d" }),
    new HumanMessage({ content: "And now?", id: "n" }),
  ];

  test("summarizationMiddleware marks its summary lc_source: summarization, and nothing else", async () => {
    const options = { model: modelOf(versions, "a summary"), trigger: { messages: 3 }, keep: { messages: 1 } };
    const agent = langchain.createAgent({
      model: modelOf(versions, "Hello."),
      tools: [],
      middleware: [langchain.summarizationMiddleware(options as never) as never],
    });
    const output = (await agent.invoke({ messages: past } as never)) as { messages: BaseMessage[] };
    expect(texts(output.messages)[0]).toContain("a summary");
    expect(output.messages.map(isStandIn)).toEqual([true, ...output.messages.slice(1).map(() => false)]);
  });

  test("contextEditingMiddleware marks the results and calls that it clears response_metadata.context_editing", async () => {
    const edit = new langchain.ClearToolUsesEdit({
      trigger: { messages: 2 },
      keep: { messages: 0 },
      clearToolInputs: true,
    });
    let given: BaseMessage[] = [];
    const agent = langchain.createAgent({
      model: modelOf(versions, "Hello."),
      tools: [],
      middleware: [
        langchain.contextEditingMiddleware({ edits: [edit] }) as never,
        langchain.createMiddleware({
          name: "Spy",
          wrapModelCall(request, handler) {
            given = request.messages;
            return handler(request);
          },
        }),
      ],
    });
    await agent.invoke({ messages: past } as never);
    expect(given.map(isStandIn)).toEqual([false, true, true, false, false]);
  });

  test("an agent looks at its thread before an input, and not before it resumes; no other look is like it", async () => {
    const looks: string[] = [];
    let asking = "";
    const { MemorySaver, Command, interrupt } = versions.langgraph;
    class Watching extends MemorySaver {
      override async getTuple(config: Parameters<InstanceType<typeof MemorySaver>["getTuple"]>[0]) {
        if (looksBeforeInput(config)) looks.push(asking);
        return super.getTuple(config);
      }
    }
    const asks = langchain.createMiddleware({
      name: "Asks",
      beforeModel: () => void interrupt("Sure?"),
    });
    const agent = langchain.createAgent({
      model: modelOf(versions, "Hello."),
      tools: [],
      checkpointer: new Watching(),
      middleware: [asks],
    });
    const thread = { configurable: { thread_id: "1" } };
    const input = { messages: [new HumanMessage("Hi")] } as never;
    for (const [name, act] of [
      ["invoke", () => agent.invoke(input, thread)],
      ["resume", () => agent.invoke(new Command({ resume: true }) as never, thread)],
      [
        "stream",
        async () => {
          for await (const _ of await agent.stream(input, thread));
        },
      ],
      ["continue", () => agent.invoke(null as never, thread)],
      ["a look", () => agent.graph.getState(thread)],
    ] as const) {
      asking = name;
      await act();
    }
    expect(looks).toEqual(["invoke", "stream"]);
  });

  test.each(["__pregel_read", "checkpoint_id"])(
    "a look with %s is not one before an input of an agent on its own",
    (name) => {
      const configurable = { ls_agent_type: "root" };
      expect(looksBeforeInput({ configurable })).toBe(true);
      expect(looksBeforeInput({ configurable: { ...configurable, [name]: "there" } })).toBe(false);
    },
  );

  test("an agent has a graph and no lc_runnable, which a Runnable has", () => {
    const agent = langchain.createAgent({ model: modelOf(versions, "Hello."), tools: [] });
    expect(isAgent(agent)).toBe(true);
    expect(isAgent(agent.graph)).toBe(false);
    expect(isAgent(Object.assign(agent.graph, { graph: agent.graph }))).toBe(false);
  });

  test("each hook of a middleware is given the signal of the run, and wrapModelCall that of the step", async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const steps: (AbortSignal | undefined)[] = [];
    const hook = (_state: unknown, runtime: object): undefined => void signals.push(runSignalOf(runtime));
    const spy = langchain.createMiddleware({
      name: "Spy",
      beforeAgent: hook,
      beforeModel: hook,
      afterAgent: hook,
      wrapModelCall(request, handler) {
        signals.push(runSignalOf(request.runtime));
        steps.push(request.runtime.signal);
        return handler(request);
      },
    });
    const agent = langchain.createAgent({ model: modelOf(versions, "Hello."), tools: [], middleware: [spy] });
    await agent.invoke({ messages: past });
    expect(signals).toHaveLength(4);
    expect(signals[0]).toBeInstanceOf(AbortSignal);
    expect(new Set(signals).size).toBe(1);
    expect(steps[0]).toBeInstanceOf(AbortSignal);
    expect(steps[0]).not.toBe(signals[0]);
  });
});
