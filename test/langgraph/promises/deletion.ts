import { Annotation, START, StateGraph } from "@langchain/langgraph";
import { expect } from "vitest";
import { idOf, listed, put, threadConfig } from "../support/checkpoints.js";
import { memory, model } from "../support/kinds.js";
import type { Saver } from "../support/place.js";
import type { SaverPromise } from "../support/saver-promise.js";

const State = Annotation.Root({
  said: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});
const back = [model("deleted threads come back"), memory];
const gone = { code: "THREAD_DELETED" };

/** A run in a node, or in a node of a subgraph, that goes on when the test lets it. */
function heldGraph(checkpointer: Saver, where: "graph" | "subgraph", inside: () => Promise<void>) {
  const work = new StateGraph(State)
    .addNode("before", () => ({ said: ["before"] }))
    .addNode("work", async () => {
      await inside();
      return { said: ["work"] };
    })
    .addNode("after", () => ({ said: ["after"] }))
    .addEdge(START, "before")
    .addEdge("before", "work")
    .addEdge("work", "after");
  if (where === "graph") return work.compile({ checkpointer });
  return new StateGraph(State).addNode("child", work.compile()).addEdge(START, "child").compile({ checkpointer });
}

const whileRunning = (["graph", "subgraph"] as const).flatMap((where) =>
  (["async", "sync", "exit"] as const).map((durability): SaverPromise => ({
    claim: `a thread that is deleted while a ${where} runs stays deleted (durability ${durability})`,
    holds: async ({ open }) => {
      const config = threadConfig("thread");
      // A first run, so that also `exit` has a checkpoint that the run is built on.
      await heldGraph(open(), where, async () => {}).invoke({ said: ["first"] }, { ...config, durability });
      const graph = heldGraph(open(), where, () => open().deleteThread("thread"));
      await expect(graph.invoke({ said: ["second"] }, { ...config, durability })).rejects.toMatchObject(gone);
      const thread = { configurable: { thread_id: "thread" } };
      expect(await listed(open(), thread)).toEqual([]);
      expect(await open().getTuple(config)).toBeUndefined();
      for (const turn of ["third", "fourth"]) {
        await heldGraph(open(), where, async () => {}).invoke({ said: [turn] }, { ...config, durability });
      }
      const { values } = await graph.getState(config);
      // A subgraph hands on its whole state, so what it was given is said again.
      expect((values as typeof State.State).said[0]).toBe("third");
      expect((values as typeof State.State).said).not.toContain("first");
      expect((values as typeof State.State).said).not.toContain("second");
    },
    controls: back,
  })),
);

export const deletion: readonly SaverPromise[] = [
  {
    claim: "a put that is built on a deleted checkpoint is refused",
    holds: async ({ open }) => {
      const saver = open();
      const on = await put(saver, { on: threadConfig("thread"), values: { text: "first" } });
      await open().deleteThread("thread");
      await expect(put(saver, { on, values: { text: "late" }, versions: { text: 2 } })).rejects.toMatchObject(gone);
      expect(await listed(saver, { configurable: { thread_id: "thread" } })).toEqual([]);
    },
    controls: back,
  },
  {
    claim: "writes of a deleted checkpoint are not seen, not by the thread that begins anew either",
    holds: async ({ open }) => {
      const saver = open();
      const on = await put(saver, { on: threadConfig("thread"), values: { text: "first" } });
      await saver.putWrites(on, [["text", "early"]], "task");
      await saver.deleteThread("thread");
      // Refused or stored where nobody sees it: the contract allows both.
      await saver
        .putWrites(on, [["text", "late"]], "task")
        .catch((error: unknown) => expect(error).toMatchObject(gone));
      expect(await saver.getTuple(on)).toBeUndefined();
      const anew = await put(saver, { on: threadConfig("thread"), values: { text: "anew" } });
      const [only, ...rest] = await listed(open(), { configurable: { thread_id: "thread" } });
      expect(rest).toEqual([]);
      expect(only).toMatchObject({
        checkpoint: { id: idOf(anew), channel_values: { text: "anew" } },
        pendingWrites: [],
      });
      expect(only?.parentConfig).toBeUndefined();
    },
    controls: [model("deleteThread does nothing")],
  },
  ...whileRunning,
];
