import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { Annotation, DeltaChannel, messagesDeltaReducer, START, StateGraph } from "@langchain/langgraph";
import { expect } from "vitest";
import { amount } from "../../support/amount.js";
import { chain, idOf, listed, listedIds, put, threadConfig } from "../support/checkpoints.js";
import { model } from "../support/kinds.js";
import type { Saver } from "../support/place.js";
import type { SaverPromise } from "../support/saver-promise.js";

const config = threadConfig("thread");

/** Updates of a delta channel until it is stored as a whole. 100 is LangGraph's default. */
const FREQUENCY = amount(20, 100);

const Delta = Annotation.Root({
  messages: () =>
    new DeltaChannel<BaseMessage[], BaseMessage[]>(messagesDeltaReducer as never, {
      snapshotFrequency: FREQUENCY,
    }) as never,
});

function deltaGraph(checkpointer: Saver) {
  return new StateGraph(Delta)
    .addNode("rest", () => ({}))
    .addEdge(START, "rest")
    .compile({ checkpointer });
}

const said = (turn: number) => ({ messages: [new HumanMessage({ content: `m${turn}`, id: `${turn}` })] });

async function messagesOf(saver: Saver): Promise<unknown[]> {
  const { values } = await deltaGraph(saver).getState(config);
  return (values as { messages: BaseMessage[] }).messages.map(({ content }) => content);
}

/** Sent turn by turn through the graph; before and after, so many turns. */
async function deltas(open: () => Saver, from: number, until: number): Promise<void> {
  for (let turn = from; turn < until; turn++) await deltaGraph(open()).invoke(said(turn) as never, config);
}
const upTo = (count: number): string[] => Array.from({ length: count }, (_, turn) => `m${turn}`);

export const retention: readonly SaverPromise[] = [
  {
    claim: "a thread keeps `maxCheckpoints`, the newest of them",
    holds: async ({ open }) => {
      const saver = open({ maxCheckpoints: 10 });
      const ids = (await chain(saver, "thread", 40)).map(idOf);
      expect(await listedIds(open(), config)).toEqual(ids.slice(-10).toReversed());
      const latest = await open().getTuple(config);
      expect(latest?.checkpoint.channel_values).toEqual({ step: 39 });
      expect(await saver.getTuple({ configurable: { ...config.configurable, checkpoint_id: ids[0] } })).toBeUndefined();
    },
    controls: [model("nothing is removed")],
  },
  {
    claim: "with `maxCheckpoints: 1` a thread has its whole state, also what never changed since the first step",
    holds: async ({ open }) => {
      const saver = open({ maxCheckpoints: 1 });
      let on = await put(saver, { on: config, values: { fixed: "from the start", step: 0 } });
      for (let step = 1; step < 30; step++) {
        on = await put(saver, {
          on,
          values: { step },
          carried: { fixed: "from the start" },
          versions: { step: step + 1 },
        });
      }
      expect(await listed(open(), config)).toHaveLength(1);
      const tuple = await open().getTuple(config);
      expect(tuple?.checkpoint.channel_values).toEqual({ fixed: "from the start", step: 29 });
    },
    controls: [model("nothing is removed"), model("channels are not carried over")],
  },
  {
    claim: "writes go with their checkpoint",
    holds: async ({ open }) => {
      const saver = open({ maxCheckpoints: 2 });
      const configs = [];
      let on = config;
      for (let step = 0; step < 6; step++) {
        on = await put(saver, { on, values: { step }, versions: { step: step + 1 } });
        await saver.putWrites(on, [["step", step]], `task-${step}`);
        configs.push(on);
      }
      const left = await listed(open(), config);
      expect(left.map(({ pendingWrites }) => pendingWrites)).toEqual([
        [["task-5", "step", 5]],
        [["task-4", "step", 4]],
      ]);
    },
    controls: [model("nothing is removed"), model("writes are lost")],
  },
  {
    claim: "prune keeps the newest, and repeated it changes nothing",
    needs: "prune",
    holds: async ({ open }) => {
      const ids = (await chain(open(), "thread", 30)).map(idOf);
      for (const keep of [12, 12, 3, 3]) {
        await open().prune?.("thread", { keep });
        expect(await listedIds(open(), config)).toEqual(ids.slice(-keep).toReversed());
      }
      const next = await put(open(), { on: (await open().getTuple(config))?.config ?? {}, values: { step: 30 } });
      expect((await open().getTuple(config))?.checkpoint.id).toBe(idOf(next));
    },
    controls: [model("nothing is removed")],
  },
  ...[FREQUENCY * 0.3, FREQUENCY * 1.2].map((turns): SaverPromise => ({
    claim: `a delta channel is whole after ${turns} turns, a prune to 1 and some more`,
    needs: "prune",
    holds: async ({ open }) => {
      await deltas(open, 0, turns);
      expect(await messagesOf(open())).toEqual(upTo(turns));
      const before = await listed(open(), config);
      await open().prune?.("thread", { keep: 1 });
      expect(await messagesOf(open())).toEqual(upTo(turns));
      // Before the first snapshot, after 100 updates, all is needed.
      if (turns > 100) expect((await listed(open(), config)).length).toBeLessThan(before.length);
      await deltas(open, turns, turns + 3);
      expect(await messagesOf(open())).toEqual(upTo(turns + 3));
    },
    controls: [model("retention ignores ancestors")],
  })),
  {
    claim: "a delta channel is whole where `maxCheckpoints` is 1",
    holds: async ({ open }) => {
      const shallow = () => open({ maxCheckpoints: 1 });
      await deltas(shallow, 0, FREQUENCY + 10);
      expect(await messagesOf(open())).toEqual(upTo(FREQUENCY + 10));
      await deltas(shallow, FREQUENCY + 10, FREQUENCY + 13);
      expect(await messagesOf(open())).toEqual(upTo(FREQUENCY + 13));
    },
    controls: [model("retention ignores ancestors")],
  },
];
