import { INTERRUPT, RESUME } from "@langchain/langgraph-checkpoint";
import { expect } from "vitest";
import { listed, put, putArguments, threadConfig } from "../support/checkpoints.js";
import { model } from "../support/kinds.js";
import type { SaverPromise } from "../support/saver-promise.js";

export const idempotence: readonly SaverPromise[] = [
  {
    claim: "a put that is repeated, at once or later, changes nothing",
    holds: async ({ open }) => {
      const saver = open();
      const first = putArguments({ on: threadConfig("thread"), values: { text: "first" } });
      const on = await saver.put(...first);
      expect(await saver.put(...first)).toEqual(on);
      const second = putArguments({ on, values: { text: "second" }, versions: { text: 2 } });
      await saver.put(...second);
      const before = await listed(saver, threadConfig("thread"));
      await open().put(...first);
      await open().put(...second);
      expect(await listed(saver, threadConfig("thread"))).toEqual(before);
      expect(before.map(({ checkpoint }) => checkpoint.channel_values["text"])).toEqual(["second", "first"]);
      expect((await saver.getTuple(threadConfig("thread")))?.checkpoint.id).toBe(second[1].id);
    },
    controls: [model("a repeated put is another checkpoint")],
  },
  {
    claim: "a put that is repeated is not taken for a fork, where forks are refused",
    holds: async ({ open }) => {
      const saver = open({ forks: "refuse" });
      const first = putArguments({ on: threadConfig("thread"), values: { text: "first" } });
      const on = await saver.put(...first);
      await saver.put(...putArguments({ on, values: { text: "second" }, versions: { text: 2 } }));
      expect(await saver.put(...first)).toEqual(on);
      expect(await listed(saver, threadConfig("thread"))).toHaveLength(2);
    },
    controls: [model("a repeated put is another checkpoint")],
  },
  {
    claim: "writes that are repeated are there once",
    holds: async ({ open }) => {
      const saver = open();
      const on = await put(saver, { on: threadConfig("thread") });
      for (const writer of [saver, saver, open()]) {
        await writer.putWrites(
          on,
          [
            ["a", 1],
            ["b", 2],
          ],
          "task",
        );
      }
      expect((await saver.getTuple(on))?.pendingWrites).toEqual([
        ["task", "a", 1],
        ["task", "b", 2],
      ]);
    },
    controls: [model("writes are appended"), model("writes are lost")],
  },
  {
    claim: "the first write of a place stays; that of an interrupt or an answer to it is replaced",
    holds: async ({ open }) => {
      const saver = open();
      const on = await put(saver, { on: threadConfig("thread") });
      for (const time of ["first", "second"]) {
        await saver.putWrites(on, [["a", time]], "task");
        await saver.putWrites(on, [[RESUME, time]], "task");
        await saver.putWrites(on, [[INTERRUPT, time]], "task");
      }
      expect((await saver.getTuple(on))?.pendingWrites).toEqual([
        ["task", RESUME, "second"],
        ["task", INTERRUPT, "second"],
        ["task", "a", "first"],
      ]);
    },
    controls: [model("writes are appended")],
  },
  {
    claim: "a thread that is deleted twice is gone",
    holds: async ({ open }) => {
      const saver = open();
      await put(saver, { on: threadConfig("thread"), values: { text: "first" } });
      await saver.deleteThread("thread");
      await open().deleteThread("thread");
      expect(await saver.getTuple(threadConfig("thread"))).toBeUndefined();
      expect(await listed(saver, threadConfig("thread"))).toEqual([]);
    },
    controls: [model("deleteThread does nothing")],
  },
];
