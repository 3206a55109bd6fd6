import type { RunnableConfig } from "@langchain/core/runnables";
import { Annotation, START, StateGraph, type StateSnapshot } from "@langchain/langgraph";
import { expect } from "vitest";
import { idOf, put, threadConfig } from "../support/checkpoints.js";
import { memory, model } from "../support/kinds.js";
import type { Saver } from "../support/place.js";
import type { SaverPromise } from "../support/saver-promise.js";

const State = Annotation.Root({
  said: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
  mode: Annotation<string>(),
});

/** Two steps, each of which says what it saw of a channel that it does not change. */
function graphOn(checkpointer: Saver) {
  const saying = (step: string) => (state: typeof State.State) => ({ said: [`${step}: ${state.mode}`] });
  return new StateGraph(State)
    .addNode("first", saying("first"))
    .addNode("second", saying("second"))
    .addEdge(START, "first")
    .addEdge("first", "second")
    .compile({ checkpointer });
}

interface Branch {
  readonly mode: string;
  readonly branch: RunnableConfig;
}

export const forks: readonly SaverPromise[] = [
  {
    claim: "two branches with one version of a channel keep their own values of it, over three levels",
    holds: async ({ open }) => {
      const [saver, other] = [open(), open()];
      const root = await put(saver, { on: threadConfig("thread"), values: { text: "root", shared: "s" } });
      const ends = [];
      for (const [index, branch] of ["left", "right"].entries()) {
        const writer = index === 0 ? saver : other;
        const values = { text: branch };
        let on = await put(writer, { on: root, values, carried: { shared: "s" }, versions: { text: 2 } });
        for (const level of [2, 3]) {
          const changed = { level: `${branch} ${level}` };
          const carried = { ...values, shared: "s" };
          on = await put(writer, { on, values: changed, carried, versions: { level, text: 2 } });
        }
        ends.push(on);
      }
      for (const [index, branch] of ["left", "right"].entries()) {
        const tuple = await open().getTuple(ends[index] ?? {});
        expect(tuple?.checkpoint.channel_values).toEqual({ text: branch, shared: "s", level: `${branch} 3` });
        const up = await open().getTuple(tuple?.parentConfig ?? {});
        expect(up?.checkpoint.channel_values).toEqual({ text: branch, shared: "s", level: `${branch} 2` });
      }
    },
    controls: [model("channels are carried over by version"), model("channels are not carried over")],
  },
  {
    claim: "updateState in the past begins a branch; neither branch sees the other's edit, in the run or afterwards",
    holds: async ({ open }) => {
      const config = threadConfig("thread");
      const graph = graphOn(open());
      await graph.invoke({ mode: "plain" }, config);
      const past = [];
      for await (const state of graph.getStateHistory(config)) if (state.next[0] === "second") past.push(state);
      const [before] = past;
      if (before === undefined) throw new Error("The second step is not in the history.");
      const [branches, ends]: [Branch[], { mode: string; end: StateSnapshot }[]] = [[], []];
      for (const mode of ["red", "blue"]) {
        const branch = await graphOn(open()).updateState(before.config, { mode }, "first");
        branches.push({ mode, branch });
      }
      for (const { mode, branch } of branches) {
        const state = await graphOn(open()).invoke(null, branch);
        expect(state.said.at(-1)).toBe(`second: ${mode}`);
        ends.push({ mode, end: await graphOn(open()).getState(config) });
      }
      for (const { mode, branch } of branches) {
        expect((await graphOn(open()).getState(branch)).values).toMatchObject({ mode });
      }
      for (const { mode, end } of ends) {
        const said = ["first: plain", `second: ${mode}`];
        expect(end.values).toEqual({ said, mode });
        expect((await graphOn(open()).getState(end.config)).values).toEqual({ said, mode });
      }
      expect((await graphOn(open()).getState(before.config)).values).toEqual({ said: ["first: plain"], mode: "plain" });
    },
    controls: [model("channels are carried over by version")],
  },
  {
    claim: "a copy of a checkpoint (`__copy__`) is a sibling with the same state",
    holds: async ({ open }) => {
      const config = threadConfig("thread");
      const graph = graphOn(open());
      await graph.invoke({ mode: "plain" }, config);
      const { config: latest, parentConfig } = await graph.getState(config);
      const copied = await graphOn(open()).updateState(latest, null, "__copy__");
      const copy = await graphOn(open()).getState(config);
      expect(idOf(copy.config)).toBe(idOf(copied));
      expect(idOf(copied)).not.toBe(idOf(latest));
      expect(copy.values).toEqual({ said: ["first: plain", "second: plain"], mode: "plain" });
      expect(copy.parentConfig?.configurable?.["checkpoint_id"]).toBe(idOf(parentConfig ?? {}));
    },
    controls: [model("channels are those of the parent, whatever their version")],
  },
  {
    claim: 'with `forks: "refuse"` a checkpoint that is not built on the latest of its namespace is refused',
    holds: async ({ open }) => {
      const saver = open({ forks: "refuse" });
      const root = await put(saver, { on: threadConfig("thread"), values: { text: "root" } });
      const latest = await put(saver, { on: root, values: { text: "next" }, versions: { text: 2 } });
      const late = put(open({ forks: "refuse" }), { on: root, values: { text: "late" }, versions: { text: 2 } });
      await expect(late).rejects.toMatchObject({ code: "THREAD_CHANGED" });
      const first = put(open({ forks: "refuse" }), { on: threadConfig("thread"), values: { text: "first" } });
      await expect(first).rejects.toMatchObject({ code: "THREAD_CHANGED" });
      // Another namespace is another line.
      await put(saver, { on: threadConfig("thread", "child"), values: { text: "child" } });
      await put(saver, { on: latest, values: { text: "last" }, versions: { text: 3 } });
      const tuple = await saver.getTuple(threadConfig("thread"));
      expect(tuple?.checkpoint.channel_values).toEqual({ text: "last" });
    },
    controls: [model("forks are allowed"), memory],
  },
];
