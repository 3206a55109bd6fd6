import { Annotation, Command, interrupt, START, StateGraph } from "@langchain/langgraph";
import { expect } from "vitest";
import { listed, threadConfig } from "../support/checkpoints.js";
import { model } from "../support/kinds.js";
import type { Graph } from "../support/graph.js";
import type { Saver } from "../support/place.js";
import type { SaverPromise } from "../support/saver-promise.js";

const State = Annotation.Root({
  said: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});
const config = threadConfig("thread");

type Shape = "one" | "two in parallel" | "in a subgraph" | "in a subgraph of a subgraph";

/** A graph of which some nodes ask a person, after a node that is counted. */
function graphOn(checkpointer: Saver, shape: Shape, count: () => void = () => {}): Graph {
  const asking = (what: string) => () => ({ said: [`${what}: ${String(interrupt(`${what}?`))}`] });
  const counted = () => {
    count();
    return { said: ["prepared"] };
  };
  if (shape === "one" || shape === "two in parallel") {
    const graph = new StateGraph(State)
      .addNode("prepare", counted)
      .addNode("left", asking("left"))
      .addNode("right", shape === "one" ? () => ({ said: ["right"] }) : asking("right"));
    return graph
      .addEdge(START, "prepare")
      .addEdge("prepare", "left")
      .addEdge("prepare", "right")
      .compile({ checkpointer }) as Graph;
  }
  const inner = new StateGraph(State)
    .addNode("prepare", counted)
    .addNode("left", asking("left"))
    .addEdge(START, "prepare")
    .addEdge("prepare", "left")
    .compile();
  const middle = new StateGraph(State)
    .addNode("inner", inner as never)
    .addEdge(START, "inner")
    .compile();
  return new StateGraph(State)
    .addNode("child", (shape === "in a subgraph" ? inner : middle) as never)
    .addEdge(START, "child")
    .compile({ checkpointer }) as Graph;
}

async function answers(graph: Graph): Promise<Command> {
  const { tasks } = await graph.getState(config, { subgraphs: true });
  const asked = tasks.flatMap(({ interrupts }) => interrupts);
  return new Command({
    resume: Object.fromEntries(asked.map(({ id, value }) => [id ?? "", `yes to ${String(value)}`])),
  });
}

const shapes: readonly Shape[] = ["one", "two in parallel", "in a subgraph", "in a subgraph of a subgraph"];

const resumed = (shape: Shape, prune: boolean): SaverPromise => ({
  claim: `a run that waits for a person (${shape}) goes on in another process${prune ? ", also after a prune to 1" : ""}`,
  ...(prune && { needs: "prune" as const }),
  holds: async ({ open }) => {
    let prepared = 0;
    // What was before is what a prune can remove.
    const plain = new StateGraph(State).addNode("child", () => ({ said: ["old"] })).addEdge(START, "child");
    for (let turn = 0; turn < 3; turn++) await plain.compile({ checkpointer: open() }).invoke({ said: ["Hi"] }, config);
    await graphOn(open(), shape, () => (prepared += 1)).invoke({ said: ["Go"] }, config);
    const before = await listed(open(), { configurable: { thread_id: "thread" } });
    if (prune) {
      await open().prune?.("thread", { keep: 1 });
      const after = await listed(open(), { configurable: { thread_id: "thread" } });
      expect(after.length).toBeLessThan(before.length / 2);
    }
    const waiting = await graphOn(open(), shape).getState(config);
    expect(waiting.tasks.flatMap(({ interrupts }) => interrupts)).toHaveLength(shape === "two in parallel" ? 2 : 1);
    const state = await graphOn(open(), shape, () => (prepared += 1)).invoke(
      await answers(graphOn(open(), shape)),
      config,
    );
    const { said } = state as typeof State.State;
    expect(said).toContain("left: yes to left?");
    if (shape === "two in parallel") expect(said).toContain("right: yes to right?");
    if (shape === "one") expect(said).toContain("right");
    expect(prepared, "the step before the question ran once").toBe(1);
    expect((await graphOn(open(), shape).getState(config)).next).toEqual([]);
  },
  controls: [
    ...(prune ? [model("nothing is removed")] : []),
    ...(shape.includes("subgraph") && prune ? [model("retention ignores namespaces")] : []),
    model("writes are lost"),
  ],
});

export const pauses: readonly SaverPromise[] = shapes.flatMap((shape) => [resumed(shape, false), resumed(shape, true)]);
