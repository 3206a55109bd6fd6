// Random calls of a saver, beside MemorySaver: what one returns, the other returns.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  type CheckpointTuple,
  INTERRUPT,
  MemorySaver,
  type PendingWrite,
  RESUME,
  uuid6,
} from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { amount } from "../support/amount.js";
import { freshSeed, sameSeed } from "../support/fresh-seed.js";
import { listed, putArguments, threadConfig } from "./support/checkpoints.js";
import { model } from "./support/kinds.js";
import { onCluster, onOneRedis, sealed, withSerde, withSessions, withSessionsOnCluster } from "./support/our-kinds.js";
import type { Kind, Saver } from "./support/place.js";

const threads = ["one", "two"];
const namespaces = ["", "child", "sub:task"];
const channels = ["messages", "mode", "plan"];

/** The tasks, each with its path: a task of LangGraph has one. */
const paths = { "task-1": "b", "task-2": "a", "task-3": "a", "\u{1F600}": "", "\u{E000}": "" };

const message = fc
  .record({ content: fc.string(), id: fc.constantFrom("a", "b", "c", "d"), human: fc.boolean() })
  .map(({ content, id, human }) => (human ? new HumanMessage({ content, id }) : new AIMessage({ content, id })));
const value = fc.oneof(
  { weight: 3, arbitrary: fc.array(message, { maxLength: 60 }) },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  fc.array(fc.string()).map((items) => new Set(items)),
  fc.array(fc.tuple(fc.string(), message)).map((entries) => new Map(entries)),
  fc.record({ deep: fc.array(fc.array(message, { maxLength: 3 }), { maxLength: 3 }) }),
);

type Call =
  | {
      readonly call: "put";
      readonly thread: string;
      readonly namespace: string;
      /** Which of the checkpoints there it is built on: 0 is the newest, so that branches are begun now and then. */
      readonly back: number;
      readonly changes: Readonly<Record<string, unknown>>;
      readonly early: boolean;
    }
  | {
      readonly call: "putWrites";
      readonly thread: string;
      readonly namespace: string;
      readonly back: number;
      readonly task: keyof typeof paths;
      readonly writes: PendingWrite[];
    }
  | { readonly call: "deleteThread"; readonly thread: string };

const place = { thread: fc.constantFrom(...threads), namespace: fc.constantFrom(...namespaces) };
const back = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(5));
const write = fc.tuple(fc.constantFrom(...channels), value) as fc.Arbitrary<PendingWrite>;
const special = fc.tuple(fc.constantFrom(INTERRUPT, RESUME), value) as fc.Arbitrary<PendingWrite>;

const call: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      call: fc.constant("put" as const),
      ...place,
      back,
      changes: fc.dictionary(fc.constantFrom(...channels), value, { maxKeys: 3 }),
      early: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      call: fc.constant("putWrites" as const),
      ...place,
      back,
      task: fc.constantFrom(...(Object.keys(paths) as (keyof typeof paths)[])),
      writes: fc.oneof(fc.array(write, { minLength: 1, maxLength: 3 }), fc.tuple(special)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ call: fc.constant("deleteThread" as const), thread: place.thread }) },
);

/** A checkpoint that was stored: what the next one is built on. */
interface Known {
  readonly config: RunnableConfig;
  readonly values: Readonly<Record<string, unknown>>;
  readonly versions: Readonly<Record<string, number>>;
}

/** Makes the same calls on two savers. Returns the configs of what is there. */
async function perform(calls: readonly Call[], savers: readonly Saver[]): Promise<RunnableConfig[]> {
  const known = new Map<string, Known[]>();
  const all = async (act: (saver: Saver) => Promise<unknown>): Promise<void> => {
    for (const saver of savers) await act(saver);
  };
  for (const made of calls) {
    if (made.call === "deleteThread") {
      await all((saver) => saver.deleteThread(made.thread));
      for (const namespace of namespaces) known.delete(`${made.thread} ${namespace}`);
      continue;
    }
    const here = known.get(`${made.thread} ${made.namespace}`) ?? [];
    known.set(`${made.thread} ${made.namespace}`, here);
    const parent = here.at(-1 - (made.back % Math.max(1, here.length)));
    if (made.call === "putWrites") {
      if (parent) await all((saver) => saver.putWrites(parent.config, made.writes, made.task, paths[made.task]));
      continue;
    }
    const version = Math.max(0, ...Object.values(parent?.versions ?? {})) + 1;
    const changed = Object.fromEntries(Object.keys(made.changes).map((channel) => [channel, version]));
    const versions = { ...parent?.versions, ...changed };
    const put = putArguments({
      on: parent?.config ?? threadConfig(made.thread, made.namespace),
      values: made.changes,
      carried: Object.fromEntries(
        Object.entries(parent?.values ?? {}).filter(([channel]) => !Object.hasOwn(made.changes, channel)),
      ),
      versions,
      id: uuid6(0),
      metadata: { step: here.length, source: here.length % 2 === 0 ? "loop" : "input" },
    });
    const [, checkpoint] = put;
    const config = { configurable: { ...put[0].configurable, checkpoint_id: checkpoint.id } };
    if (made.early) await all((saver) => saver.putWrites(config, [["mode", "early"]], "task-0"));
    await all((saver) => saver.put(...put));
    here.push({ config, values: { ...checkpoint.channel_values }, versions });
  }
  return [...known.values()].flat().map(({ config }) => config);
}

/** What is compared: in one order, of what MemorySaver has in another or with more in it. */
function shown({ config, parentConfig, ...tuple }: CheckpointTuple): object {
  const named = ({ configurable = {} }: RunnableConfig) => [
    configurable["thread_id"],
    configurable["checkpoint_ns"],
    configurable["checkpoint_id"],
  ];
  return { ...tuple, config: named(config), parentConfig: parentConfig && named(parentConfig) };
}

async function observed(saver: Saver, configs: readonly RunnableConfig[]): Promise<unknown> {
  const found: unknown[] = [];
  for (const thread of threads) {
    for (const namespace of namespaces) {
      const here = threadConfig(thread, namespace);
      const latest = await saver.getTuple(here);
      found.push(latest && shown(latest));
      for (const options of [
        {},
        { limit: 2 },
        { filter: { source: "input" } },
        { before: configs[0] ?? {}, limit: 3 },
      ]) {
        found.push((await listed(saver, here, options)).map((tuple) => shown(tuple)));
      }
    }
  }
  for (const config of configs) {
    const tuple = await saver.getTuple(config);
    found.push(tuple && shown(tuple));
    found.push(await saver.getDeltaChannelHistory({ config, channels }));
  }
  return found;
}

/** So many calls find each fault. */
const CONTROL = 999;

async function sameAsMemory({ place: makePlace }: Kind, runs: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 25 }), async (calls) => {
      const memory = new MemorySaver();
      const at = makePlace();
      const configs = await perform(calls, [memory, at.open()]);
      // By the saver that wrote, and by one that never saw the thread.
      expect(await observed(at.open(), configs)).toEqual(await observed(memory, configs));
    }),
    // What is shorter would tell no more of a control.
    { numRuns: runs, ...(runs === CONTROL ? { ...sameSeed, endOnFailure: true } : freshSeed) },
  );
}

describe("after random calls", () => {
  test.each(
    [onOneRedis, sealed, withSessionsOnCluster, withSessions, onCluster, withSerde, model()].slice(0, amount(3, 7)),
  )(
    "$name returns what MemorySaver returns",
    async (kind) => {
      await expect(sameAsMemory(kind, amount(15, 1_000))).resolves.toBeUndefined();
    },
    amount(30_000, 1_800_000),
  );

  test.each([
    model("channels are not carried over"),
    model("channels are carried over by version"),
    model("writes come as they arrived"),
    model("writes are appended"),
  ])("the comparison fails on $name", async (kind) => {
    await expect(sameAsMemory(kind, CONTROL)).rejects.toBeInstanceOf(Error);
  });
});
