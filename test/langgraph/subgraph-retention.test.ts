// What a prune keeps of subgraphs: what a paused run goes on from, and nothing of runs that are over.
import { Annotation, Command, interrupt, MemorySaver, Send, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, test } from "vitest";
import { RedisSaver } from "langchain-redis-sessions/langgraph";
import { client } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { listed, threadConfig } from "./support/checkpoints.js";
import type { Graph } from "./support/graph.js";
import type { Saver } from "./support/place.js";

const State = Annotation.Root({
  said: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});
const config = threadConfig("thread");
const everything = { configurable: { thread_id: "thread" } };
const placeOf = (maxCheckpoints: number) => {
  const keyPrefix = freshId();
  return (): Saver => new RedisSaver({ client, keyPrefix, maxCheckpoints });
};
const namespaces = async (saver: Saver): Promise<unknown[]> =>
  (await listed(saver, everything)).map((one) => one.config.configurable?.["checkpoint_ns"] as unknown);

/** A subgraph that asks in its second step, and counts its first. */
const asking = (count: () => void) =>
  new StateGraph(State)
    .addNode("prepare", () => {
      count();
      return {};
    })
    .addNode("ask", () => ({ said: [`answered: ${String(interrupt("May I?"))}`] }))
    .addEdge(START, "prepare")
    .addEdge("prepare", "ask");

describe.each(["async", "sync", "exit"] as const)("with `maxCheckpoints: 1` and durability %s", (durability) => {
  test.each([2, 40])("%i subgraphs that wait for a person at once go on where they were", async (width) => {
    let prepared = 0;
    const open = placeOf(1);
    const graph = () =>
      new StateGraph(State)
        .addNode("child", asking(() => (prepared += 1)).compile() as never)
        .addConditionalEdges(START, () => Array.from({ length: width }, () => new Send("child", { said: [] })), [
          "child",
        ])
        .compile({ checkpointer: open() }) as unknown as Graph;
    const how = { ...config, durability } as typeof config;
    await graph().invoke({ said: [] }, how);
    const { tasks } = await graph().getState(config);
    const asked = tasks.flatMap(({ interrupts }) => interrupts);
    expect(asked).toHaveLength(width);
    const resume = Object.fromEntries(asked.map(({ id }) => [id ?? "", "yes"]));
    const { said } = (await graph().invoke(new Command({ resume }), how)) as typeof State.State;
    expect(said).toHaveLength(width);
    expect(prepared).toBe(width);
  });

  test("a node with two subgraphs leaves nothing of turns that are over", async () => {
    const open = placeOf(1);
    const inner = new StateGraph(State)
      .addNode("say", () => ({ said: ["inner"] }))
      .addEdge(START, "say")
      .compile();
    const graph = () =>
      new StateGraph(State)
        .addNode("both", async () => {
          await inner.invoke({ said: [] });
          return inner.invoke({ said: [] });
        })
        .addEdge(START, "both")
        .compile({ checkpointer: open() });
    const left: number[] = [];
    for (let turn = 0; turn < 12; turn++) {
      await graph().invoke({ said: [] }, { ...config, durability });
      left.push((await namespaces(open())).length);
    }
    expect(Math.max(...left.slice(6))).toBeLessThan(8);
  });

  test("the second subgraph of a node, and one inside it, go on where they were", async () => {
    let prepared = 0;
    const open = placeOf(1);
    const first = new StateGraph(State)
      .addNode("say", () => ({ said: ["inner"] }))
      .addEdge(START, "say")
      .compile();
    const graph = () => {
      const second = new StateGraph(State)
        .addNode("in", asking(() => (prepared += 1)).compile() as never)
        .addEdge(START, "in")
        .compile();
      return new StateGraph(State)
        .addNode("both", async () => {
          await first.invoke({ said: [] });
          return second.invoke({ said: [] });
        })
        .addEdge(START, "both")
        .compile({ checkpointer: open() });
    };
    const how = { ...config, durability };
    await graph().invoke({ said: [] }, how);
    await open().prune?.("thread", { keep: 1 });
    const { said } = await graph().invoke(new Command({ resume: "yes" }), how);
    expect(said).toEqual(["answered: yes"]);
    expect(prepared).toBe(1);
  });

  test("a subgraph with a memory of its own keeps it, and one inside it goes on where it was", async () => {
    const told = async (open: () => Saver): Promise<unknown> => {
      let prepared = 0;
      const graph = () => {
        const own = new StateGraph(State)
          .addNode("in", asking(() => (prepared += 1)).compile() as never)
          .addEdge(START, "in")
          .compile({ checkpointer: true });
        return new StateGraph(State)
          .addNode("own", async () => {
            const { said } = await own.invoke({ said: ["turn"] });
            return { said: [`${said.length}`] };
          })
          .addEdge(START, "own")
          .compile({ checkpointer: open() });
      };
      const how = { ...config, durability };
      const found: unknown[] = [];
      for (let turn = 1; turn < 4; turn++) {
        await graph().invoke({ said: [] }, how);
        await open().prune?.("thread", { keep: 1 });
        const { said } = await graph().invoke(new Command({ resume: "yes" }), how);
        found.push(said, prepared);
      }
      return found;
    };
    const memory = new MemorySaver();
    expect(await told(placeOf(1))).toEqual(await told(() => memory));
  });
});
