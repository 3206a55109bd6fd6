import { expect } from "vitest";
import { put, putArguments, threadConfig } from "../support/checkpoints.js";
import { model } from "../support/kinds.js";
import type { SaverPromise } from "../support/saver-promise.js";

/** Of three things, the six orders. */
const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/** In the order in which a step applies them: by code point, so the emoji is after the private-use character. */
const paths: readonly (readonly [path: string, task: string])[] = [
  ["", "zeta"],
  ["~__pregel_pull, a", "task-2"],
  ["~__pregel_pull, b", "task-1"],
  ["~__pregel_pull, \u{E000}", "task-4"],
  ["~__pregel_pull, \u{1F600}", "task-3"],
];

export const writes: readonly SaverPromise[] = [
  {
    claim: "writes are there in whichever order they and their checkpoint come, one by one or at once",
    holds: async ({ open }) => {
      for (const atOnce of [false, true]) {
        for (const order of orders) {
          const thread = `${order.join("-")} ${atOnce}`;
          const saver = open();
          const parent = await put(saver, { on: threadConfig(thread), values: { text: "parent" } });
          const made = putArguments({ on: parent, values: { text: "child" }, versions: { text: 2 } });
          const config = { configurable: { ...parent.configurable, checkpoint_id: made[1].id } };
          const calls = [
            async () => saver.put(...made),
            async () => saver.putWrites(config, [["a", 1]], "task-1"),
            async () => open().putWrites(config, [["b", { deep: [2] }]], "task-2"),
          ] as const;
          const begun = [];
          for (const call of order) {
            begun.push(calls[call]());
            if (!atOnce) await begun.at(-1);
          }
          await Promise.all(begun);
          expect((await open().getTuple(threadConfig(thread)))?.pendingWrites, thread).toEqual([
            ["task-1", "a", 1],
            ["task-2", "b", { deep: [2] }],
          ]);
        }
      }
    },
    controls: [model("writes that come before their checkpoint are lost")],
  },
  {
    claim: "writes come in the order of their tasks' paths, by code point, then of their tasks and places",
    holds: async ({ open }) => {
      const saver = open();
      const on = await put(saver, { on: threadConfig("thread") });
      for (const [path, task] of paths.toReversed()) {
        await saver.putWrites(
          on,
          Array.from({ length: 11 }, (_, place): [string, unknown] => [`channel-${place}`, path]),
          task,
          path,
        );
      }
      const expected = paths.flatMap(([path, task]) =>
        Array.from({ length: 11 }, (_, place) => [task, `channel-${place}`, path]),
      );
      expect((await saver.getTuple(on))?.pendingWrites).toEqual(expected);
    },
    controls: [model("writes come as they arrived")],
  },
  {
    claim: "what is not stored under its channel's new version is the parent's; what has no version is not stored",
    holds: async ({ open }) => {
      const saver = open();
      const first = await put(saver, { on: threadConfig("thread"), values: { kept: "old", changed: 1 } });
      const second = await put(saver, {
        on: first,
        values: { changed: 2 },
        carried: { kept: "old" },
        versions: { changed: 2 },
      });
      expect((await open().getTuple(second))?.checkpoint.channel_values).toEqual({ kept: "old", changed: 2 });
      const [config, checkpoint, metadata] = putArguments({ on: threadConfig("other"), values: { text: "unsaid" } });
      const stored = await saver.put(config, { ...checkpoint, channel_versions: {} }, metadata, {});
      expect((await open().getTuple(stored))?.checkpoint.channel_values).toEqual({});
    },
    controls: [model("channels are not carried over"), model("channels that did not change are stored")],
  },
];
