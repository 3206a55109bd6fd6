import { uuid6 } from "@langchain/langgraph-checkpoint";
import { expect } from "vitest";
import { chain, idOf, listed, listedIds, put, threadConfig } from "../support/checkpoints.js";
import { memory, model } from "../support/kinds.js";
import type { SaverPromise } from "../support/saver-promise.js";

const backwards = (): string[] => Array.from({ length: 3 }, (_, step) => uuid6(step)).toReversed();

export const order: readonly SaverPromise[] = [
  {
    claim: "list begins with the newest",
    holds: async ({ open }) => {
      const ids = (await chain(open(), "thread", 6)).map(idOf);
      expect(await listedIds(open(), threadConfig("thread"))).toEqual(ids.toReversed());
    },
    controls: [model("the oldest comes first")],
  },
  {
    claim: "the latest is the one that arrived last, whatever the clock of its writer says",
    holds: async ({ open }) => {
      const [writer, other] = [open(), open()];
      const ids = backwards();
      let on = threadConfig("thread");
      for (const [step, id] of ids.entries()) {
        on = await put(step === 1 ? other : writer, { on, id, values: { step }, versions: { step: step + 1 } });
      }
      const latest = await open().getTuple(threadConfig("thread"));
      expect(latest?.checkpoint).toMatchObject({ id: ids[2], channel_values: { step: 2 } });
      expect(await listedIds(open(), threadConfig("thread"))).toEqual(ids.toReversed());
    },
    controls: [model("the largest id is the latest"), memory],
  },
  {
    claim: "`before` takes what arrived before that checkpoint",
    holds: async ({ open }) => {
      const saver = open();
      let on = threadConfig("thread");
      const configs = [];
      for (const id of backwards()) {
        on = await put(saver, { on, id });
        configs.push(on);
      }
      const [first, second, third] = configs;
      if (!first || !second || !third) throw new Error("There are three.");
      expect(await listedIds(saver, threadConfig("thread"), { before: third })).toEqual([idOf(second), idOf(first)]);
      expect(await listedIds(saver, threadConfig("thread"), { before: third, limit: 1 })).toEqual([idOf(second)]);
      expect(await listedIds(saver, threadConfig("thread"), { before: first })).toEqual([]);
    },
    controls: [model("`before` is ignored"), memory],
  },
  {
    claim: "`limit` and `filter` hold over more checkpoints than a page has",
    holds: async ({ open }) => {
      const saver = open();
      const ids: string[] = [];
      let on = threadConfig("thread");
      for (let step = 0; step < 45; step++) {
        on = await put(saver, { on, metadata: { step, source: step % 15 === 0 ? "input" : "loop", odd: step % 2 } });
        ids.unshift(idOf(on));
      }
      expect(await listedIds(saver, threadConfig("thread"))).toEqual(ids);
      expect(await listedIds(saver, threadConfig("thread"), { limit: 21 })).toEqual(ids.slice(0, 21));
      const inputs = [ids[14], ids[29], ids[44]];
      expect(await listedIds(saver, threadConfig("thread"), { filter: { source: "input" } })).toEqual(inputs);
      const one = { filter: { source: "input", odd: 0 }, limit: 1 };
      expect(await listedIds(saver, threadConfig("thread"), one)).toEqual([ids[14]]);
      expect(await listedIds(saver, threadConfig("thread"), { filter: { odd: "0" } })).toEqual([]);
    },
    controls: [model("`limit` is ignored"), model("`filter` is ignored")],
  },
  {
    claim: "`limit` 0 gives nothing",
    holds: async ({ open }) => {
      const saver = open();
      await chain(saver, "thread", 3);
      expect(await listed(saver, threadConfig("thread"), { limit: 0 })).toEqual([]);
    },
    controls: [model("`limit` 0 is no limit")],
  },
  {
    claim: "namespaces have latest checkpoints of their own",
    holds: async ({ open }) => {
      const saver = open();
      const root = await put(saver, { on: threadConfig("thread"), values: { where: "root" } });
      const child = await put(saver, { on: threadConfig("thread", "child"), values: { where: "child" } });
      const where = async (namespace: string) =>
        (await saver.getTuple(threadConfig("thread", namespace)))?.checkpoint.channel_values["where"];
      expect([await where(""), await where("child"), await where("none")]).toEqual(["root", "child", undefined]);
      expect(await listedIds(saver, { configurable: { thread_id: "thread" } })).toEqual([idOf(child), idOf(root)]);
      expect(await listedIds(saver, threadConfig("thread", "child"))).toEqual([idOf(child)]);
    },
    controls: [memory],
  },
];
