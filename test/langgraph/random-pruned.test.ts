// Random conversations with a graph whose thread keeps as little as it may: each turn ends as it does with MemorySaver.
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import {
  Annotation,
  Command,
  DeltaChannel,
  interrupt,
  MemorySaver,
  messagesDeltaReducer,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import fc from "fast-check";
import { expect, test } from "vitest";
import { RedisSaver } from "langchain-redis-sessions/langgraph";
import { amount } from "../support/amount.js";
import { freshSeed } from "../support/fresh-seed.js";
import { client } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { threadConfig } from "./support/checkpoints.js";
import type { Graph } from "./support/graph.js";
import type { Saver } from "./support/place.js";
import { threadFaults } from "./support/thread-faults.js";

interface Plan {
  readonly turn: number;
  readonly workers: number;
  readonly asks: readonly boolean[];
}

const said = Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] });
const Inner = Annotation.Root({ said, who: Annotation<number>(), asks: Annotation<boolean>() });
const State = Annotation.Root({
  said,
  fixed: Annotation<string>(),
  plan: Annotation<Plan>(),
  delta: () =>
    new DeltaChannel<BaseMessage[], BaseMessage[]>(messagesDeltaReducer as never, { snapshotFrequency: 7 }) as never,
});

function graphOn(checkpointer: Saver): Graph {
  const worker = new StateGraph(Inner)
    .addNode("prepare", ({ who }) => ({ said: [`prepared ${who}`] }))
    .addNode("ask", ({ asks, who }) => ({ said: [asks ? `${who}: ${String(interrupt(`worker ${who}`))}` : `${who}`] }))
    .addEdge(START, "prepare")
    .addEdge("prepare", "ask")
    .compile();
  const outer = new StateGraph(Inner)
    .addNode("in", worker as never)
    .addEdge(START, "in")
    .compile();
  return new StateGraph(State)
    .addNode("begin", ({ plan }) => ({
      delta: [new AIMessage({ content: `begin ${plan.turn} `.repeat(10), id: `b${plan.turn}` })] as never,
    }))
    .addNode("worker", worker as never)
    .addNode("outer", outer as never)
    .addNode("end", (state) => ({
      said: [`seen ${(state as unknown as { delta: BaseMessage[] }).delta.length}`],
      delta: [new AIMessage({ content: "end", id: `e${state.plan.turn}` })] as never,
    }))
    .addEdge(START, "begin")
    .addConditionalEdges(
      "begin",
      ({ plan }) => plan.asks.map((asks, who) => new Send(who % 2 === 0 ? "worker" : "outer", { said: [], who, asks })),
      ["worker", "outer"],
    )
    .addEdge("worker", "end")
    .addEdge("outer", "end")
    .compile({ checkpointer }) as Graph;
}

const config = threadConfig("thread");
const durability = fc.constantFrom("async" as const, "sync" as const, "exit" as const);
const act = fc.record({
  durability,
  asks: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
  prune: fc.boolean(),
  updates: fc.constantFrom(undefined, "begin", "end", "__input__", "__copy__"),
});
type Act = typeof act extends fc.Arbitrary<infer One> ? One : never;

async function converse(open: () => Saver, acts: readonly Act[]): Promise<unknown[]> {
  const told: unknown[] = [];
  const tell = async (): Promise<void> => {
    const { values, next } = await graphOn(open()).getState(config);
    told.push(values, next);
  };
  for (const [turn, { asks, durability: how, prune, updates }] of acts.entries()) {
    const options = { ...config, durability: how } as typeof config;
    const input = {
      plan: { turn, workers: asks.length, asks },
      delta: [new HumanMessage({ content: `turn ${turn} `.repeat(10), id: `h${turn}` })],
      ...(turn === 0 && { fixed: "from the start ".repeat(9) }),
    };
    await graphOn(open()).invoke(input, options);
    for (let question = 0; question < 9; question++) {
      await tell();
      if (prune) await open().prune?.("thread", { keep: 1 });
      const { tasks } = await graphOn(open()).getState(config);
      const asked = tasks.flatMap(({ interrupts }) => interrupts);
      if (asked.length === 0) break;
      const [first] = asked;
      const answered = question % 2 === 0 ? asked : [first];
      const resume = Object.fromEntries(answered.map((one) => [one?.id ?? "", `yes ${question}`]));
      await graphOn(open()).invoke(new Command({ resume }), options);
    }
    if (updates === "__copy__") await graphOn(open()).updateState(config, null, "__copy__");
    else if (updates !== undefined) {
      const values = { said: [`edited ${turn}`], delta: [new HumanMessage({ content: "edit", id: `u${turn}` })] };
      await graphOn(open()).updateState(config, values, updates);
    }
    await tell();
  }
  return told;
}

test(
  "with `maxCheckpoints: 1`, prunes, pauses, updates and delta channels",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { minLength: 1, maxLength: 6, size: "max" }),
        fc.constantFrom(1, 4),
        async (acts, most) => {
          const memory = new MemorySaver();
          const keyPrefix = freshId();
          const open = (): Saver => new RedisSaver({ client, keyPrefix, maxCheckpoints: most });
          expect(await converse(open, acts)).toEqual(await converse(() => memory, acts));
          expect(await threadFaults(client, `${keyPrefix}:thread:{thread}`)).toEqual([]);
        },
      ),
      { numRuns: amount(8, 500), ...freshSeed },
    );
  },
  amount(60_000, 3_600_000),
);
