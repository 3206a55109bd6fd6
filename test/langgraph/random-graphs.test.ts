// Random conversations with a graph, on one of this library's savers and on MemorySaver: the same state, the same history.
import { AIMessage, type BaseMessage, HumanMessage, RemoveMessage, ToolMessage } from "@langchain/core/messages";
import {
  Annotation,
  Command,
  interrupt,
  MemorySaver,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
  type StateSnapshot,
} from "@langchain/langgraph";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { amount } from "../support/amount.js";
import { freshSeed, sameSeed } from "../support/fresh-seed.js";
import { threadConfig } from "./support/checkpoints.js";
import type { Graph } from "./support/graph.js";
import { model } from "./support/kinds.js";
import { onCluster, onOneRedis, sealed, withSerde, withSessions, withSessionsOnCluster } from "./support/our-kinds.js";
import type { Kind, Saver } from "./support/place.js";

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  notes: Annotation<Map<string, unknown>>({
    reducer: (all, more) => new Map([...all, ...more]),
    default: () => new Map(),
  }),
  count: Annotation<number>({ reducer: (sum, more) => sum + more, default: () => 0 }),
  plan: Annotation<Plan>(),
});

/** What a turn does. The graph does what the plan in its state says, so that both savers see the same. */
interface Plan {
  readonly turn: number;
  /** Workers that are sent the whole state. */
  readonly workers: number;
  readonly removes: readonly number[];
  readonly asks: boolean;
  readonly rounds: number;
}

function graphOn(checkpointer: Saver): Graph {
  const inner = new StateGraph(State)
    .addNode("think", ({ plan }) => ({ notes: new Map([[`thought ${plan.turn}`, { deep: [plan.turn] }]]) }))
    .addEdge(START, "think")
    .compile();
  return new StateGraph(State)
    .addNode("answer", ({ messages, plan }) => ({
      messages: [new AIMessage({ content: `re: ${messages.at(-1)?.text}`, id: `a${plan.turn}-${messages.length}` })],
      count: 1,
    }))
    .addNode("work", ({ messages, count }) => ({
      messages: [new ToolMessage({ content: `of ${messages.length}`, tool_call_id: `${count}`, id: `t${count}` })],
      count: 10,
    }))
    .addNode("inner", inner as never)
    .addNode("ask", ({ plan }) =>
      plan.asks ? { notes: new Map([[`asked ${plan.turn}`, interrupt(`turn ${plan.turn}`)]]) } : {},
    )
    .addNode("tidy", ({ messages, plan }) => ({
      messages: plan.removes.flatMap((back): BaseMessage[] => {
        const id = messages.at(-1 - back)?.id;
        return id === undefined ? [] : [new RemoveMessage({ id })];
      }),
      plan: { ...plan, rounds: plan.rounds - 1 },
    }))
    .addEdge(START, "answer")
    .addConditionalEdges(
      "answer",
      (state) => [
        ...Array.from({ length: state.plan.workers }, () => new Send("work", state)),
        new Send("inner", state),
      ],
      ["work", "inner"],
    )
    .addEdge("inner", "ask")
    .addEdge("ask", "tidy")
    .addConditionalEdges("tidy", ({ plan }) => (plan.rounds > 0 ? "answer" : "__end__"), ["answer", "__end__"])
    .compile({ checkpointer });
}

type Act =
  | ({ readonly act: "turn"; readonly text: string; readonly durability: "async" | "sync" | "exit" } & Omit<
      Plan,
      "turn"
    >)
  /** Edits a state of the past, and goes on from there. */
  | { readonly act: "fork"; readonly back: number; readonly count: number }
  | { readonly act: "copy"; readonly back: number }
  | { readonly act: "replay"; readonly back: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant("turn" as const),
      text: fc.string(),
      durability: fc.constantFrom("async" as const, "sync" as const, "exit" as const),
      workers: fc.nat(3),
      removes: fc.uniqueArray(fc.nat(4), { maxLength: 2 }),
      asks: fc.boolean(),
      rounds: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("fork" as const), back: fc.nat(12), count: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("copy" as const), back: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant("replay" as const), back: fc.nat(12) }) },
);

const config = threadConfig("thread");

/** Has the conversation; each act with another saver of the place. */
async function converse(open: () => Saver, acts: readonly Act[]): Promise<unknown> {
  const told: unknown[] = [];
  for (const [turn, made] of acts.entries()) {
    const graph = graphOn(open());
    const outcome = await perform(graph, made, turn).catch((error: unknown) => String(error).slice(0, 60));
    told.push(outcome);
    // A person answers what was asked.
    for (let question = 0; question < 9; question++) {
      const { tasks } = await graph.getState(config);
      if (!tasks.some(({ interrupts }) => interrupts.length > 0)) break;
      told.push(shownState(await graph.getState(config, { subgraphs: true })));
      await graphOn(open()).invoke(new Command({ resume: `yes ${question}` }), config);
    }
  }
  for await (const state of graphOn(open()).getStateHistory(config)) told.push(shownState(state));
  return told;
}

async function perform(graph: Graph, made: Act, turn: number): Promise<unknown> {
  if (made.act === "turn") {
    const { text, durability, ...plan } = made;
    const messages = [new HumanMessage({ content: text, id: `h${turn}` })];
    return stateOf(
      await graph.invoke({ messages, plan: { ...plan, turn } }, { ...config, durability } as typeof config),
    );
  }
  const history: StateSnapshot[] = [];
  for await (const state of graph.getStateHistory(config)) history.push(state);
  const from = history[made.back % Math.max(1, history.length)];
  if (from === undefined) return undefined;
  if (made.act === "replay") return stateOf(await graph.invoke(null, from.config));
  if (made.act === "copy")
    return shownState(await graph.getState(await graph.updateState(from.config, null, "__copy__")));
  const branch = await graph.updateState(from.config, { count: made.count }, "tidy");
  return stateOf(await graph.invoke(null, branch));
}

/** Without the note that it waits for a person, which has an id. */
function stateOf(output: unknown): unknown {
  const { __interrupt__: _, ...state } = (output ?? {}) as Record<string, unknown>;
  return state;
}

/** Everything but ids and times, which differ. */
function shownState({ values, next, metadata, tasks, parentConfig }: StateSnapshot): unknown {
  return {
    values,
    next,
    source: metadata?.source,
    step: metadata?.step,
    tasks: tasks.map(({ name, interrupts, result, error }) => ({
      name,
      interrupts: interrupts.map(({ value }) => value as unknown),
      result,
      failed: error !== undefined,
    })),
    hasParent: parentConfig !== undefined,
  };
}

const CONTROL = 499;

async function sameAsMemory({ place }: Kind, runs: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 6 }), async (acts) => {
      const memory = new MemorySaver();
      const at = place();
      expect(await converse(() => at.open(), acts)).toEqual(await converse(() => memory, acts));
    }),
    { numRuns: runs, ...(runs === CONTROL ? { ...sameSeed, endOnFailure: true } : freshSeed) },
  );
}

describe("after a random conversation", () => {
  test.each(
    [onOneRedis, withSessionsOnCluster, sealed, withSessions, onCluster, withSerde, model()].slice(0, amount(2, 7)),
  )(
    "$name has the state and the history that MemorySaver has",
    async (kind) => {
      await expect(sameAsMemory(kind, amount(8, 300))).resolves.toBeUndefined();
    },
    amount(30_000, 1_800_000),
  );

  test.each([
    model("channels are not carried over"),
    model("channels are those of the parent, whatever their version"),
    model("writes are lost"),
  ])("the comparison fails on $name", async (kind) => {
    await expect(sameAsMemory(kind, CONTROL)).rejects.toBeInstanceOf(Error);
  });
});
