import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { expect } from "vitest";
import { amount } from "../../support/amount.js";
import { freshSeed } from "../../support/fresh-seed.js";
import { chain, listed, put, threadConfig, valuesOf } from "../support/checkpoints.js";
import { memory, model } from "../support/kinds.js";
import type { SaverPromise } from "../support/saver-promise.js";

const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);

/** Ids with which patterns, tags, separators and prototypes are spelled. */
const special = [
  "user",
  "user:1",
  "user:",
  "*",
  "u*",
  "a]",
  "[a",
  "{x}",
  "{",
  "}",
  "?",
  "\\",
  "a:b:c",
  "a|b",
  "a\nb",
  "a\u0000b",
  "%2A",
  " ",
  "😀",
  "é",
  "e\u0301",
  "__proto__",
  "constructor",
  "__empty__",
];

const text = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });

/** Stores two threads, deletes one, and reads the other: with each part of a name as it is given. */
async function apart(
  place: Parameters<SaverPromise["holds"]>[0],
  [one, other]: readonly [string, string],
  [namespace, task, channel]: readonly [string, string, string],
): Promise<void> {
  const saver = place.open();
  const configs = [];
  for (const thread of [one, other]) {
    const values = JSON.parse(`{${JSON.stringify(channel)}: ${JSON.stringify(thread)}}`) as Record<string, unknown>;
    const on = await put(saver, { on: threadConfig(thread, namespace), values });
    await saver.putWrites(on, [[channel, thread]], task);
    configs.push(on);
  }
  const check = async (thread: string): Promise<void> => {
    const tuple = await place.open().getTuple(threadConfig(thread, namespace));
    expect(Object.entries(tuple?.checkpoint.channel_values ?? {})).toEqual([[channel, thread]]);
    expect(tuple?.pendingWrites).toEqual([[task, channel, thread]]);
    expect(tuple?.config.configurable).toMatchObject({ thread_id: thread, checkpoint_ns: namespace });
    expect(await listed(saver, threadConfig(thread, namespace))).toHaveLength(1);
  };
  await check(one);
  await check(other);
  await saver.deleteThread(one);
  expect(await saver.getTuple(threadConfig(one, namespace))).toBeUndefined();
  await check(other);
}

export const values: readonly SaverPromise[] = [
  {
    claim: "bytes stay bytes: a Uint8Array is no Buffer, in values, inside them and in writes",
    holds: async ({ open }) => {
      const saver = open();
      const on = await put(saver, { on: threadConfig("thread"), values: { bytes: every, empty: new Uint8Array() } });
      await saver.putWrites(on, [["bytes", every]], "task");
      const tuple = await open().getTuple(on);
      const found = [tuple?.checkpoint.channel_values["bytes"], tuple?.pendingWrites?.[0]?.[2]];
      for (const bytes of found) {
        expect(bytes).toEqual(every);
        expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
        // A view of a reply would keep all of it, and change with what shares it.
        expect((bytes as Uint8Array).byteOffset % 1).toBe(0);
      }
      expect(tuple?.checkpoint.channel_values["empty"]).toEqual(new Uint8Array());
    },
    controls: [model("bytes come as Buffer"), memory],
  },
  {
    claim: "Map, Set, undefined, unicode and messages come back, also from deep inside",
    holds: async ({ open }) => {
      const saver = open();
      const messages = [
        new HumanMessage({ content: "Hi 😀 \u2028 \ud83d\ude00", id: "1" }),
        new AIMessage({
          content: "",
          id: "2",
          tool_calls: [{ id: "c", name: "n", args: { a: [1] }, type: "tool_call" }],
        }),
        new ToolMessage({ content: [{ type: "text", text: "x" }], tool_call_id: "c", id: "3", artifact: { b: 1 } }),
      ];
      const stored = {
        map: new Map<unknown, unknown>([
          ["a", new Set([1, "2"])],
          [{ k: 1 }, messages[1]],
        ]),
        messages,
        deep: { list: [{ messages: [messages, messages.toReversed()] }], no: null, zero: 0, empty: "" },
        // What looks like the marks of a serialisation is what the user said.
        looks: { lc: 9, type: "constructor", id: ["no"], ref: "§1", $: "node", "": [] },
        text: 'quote " brace } back\\slash { "lc":1 }',
      };
      const on = await put(saver, { on: threadConfig("thread"), values: stored });
      await saver.putWrites(on, Object.entries(stored), "task");
      const tuple = await open().getTuple(on);
      expect(tuple?.checkpoint.channel_values).toEqual(stored);
      expect(tuple?.pendingWrites).toEqual(Object.entries(stored).map(([channel, value]) => ["task", channel, value]));
      expect(((await valuesOf(open(), on))["messages"] as unknown[])[1]).toBeInstanceOf(AIMessage);
    },
    controls: [model("writes are lost")],
  },
  {
    claim: "what a caller changes in a message after a put is not changed in the store, and is stored by the next put",
    holds: async ({ open }) => {
      const saver = open();
      const message = new HumanMessage({ content: "before", id: "1" });
      const first = await put(saver, { on: threadConfig("thread"), values: { messages: [message] } });
      message.content = "after";
      const second = await put(saver, { on: first, values: { messages: [message] }, versions: { messages: 2 } });
      const read = async (config: typeof first) => ((await valuesOf(saver, config))["messages"] as HumanMessage[])[0];
      expect((await read(first))?.content).toBe("before");
      const found = await read(second);
      expect(found?.content).toBe("after");
      // Nor does what a reader changes change what others read.
      if (found) found.content = "spoilt";
      expect((await read(second))?.content).toBe("after");
    },
    controls: [model("messages are remembered by their objects")],
  },
  {
    claim: "messages come back in their order, however long the list and wherever it was cut or trimmed",
    holds: async ({ open }) => {
      const saver = open();
      const said = (count: number) =>
        Array.from({ length: count }, (_, index) => new HumanMessage({ content: `m${index % 7}`, id: `${index}` }));
      const lists = [said(0), said(1), said(200), said(201), said(201).slice(3), said(64), said(201).toReversed()];
      const configs = await chain(saver, "thread", lists.length, (step) => ({ messages: lists[step] }));
      for (const [step, config] of configs.entries()) {
        const { messages } = (await valuesOf(open(), config)) as { messages: HumanMessage[] };
        const ids = messages.map(({ id }) => id);
        expect(ids).toEqual(lists[step]?.map(({ id }) => id));
      }
    },
    controls: [model("long lists lose their end")],
  },
  {
    claim: "threads with special ids are apart: a deleted one takes no other along",
    needs: "any thread id",
    holds: async (place) => {
      const pairs = special.map((one, index) => [one, special[(index + 1) % special.length] ?? ""] as const);
      for (const pair of pairs) {
        const parts = [pair[1], pair[0], pair[1]] as const;
        await apart(place, pair, parts);
        // The next pair has one of these threads.
        await place.open().deleteThread(pair[1]);
      }
    },
    controls: [model("deleteThread takes a prefix"), memory],
  },
  {
    claim: "any thread ids, namespaces, tasks and channels are apart",
    needs: "any thread id",
    holds: (place) =>
      fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(text, { minLength: 2, maxLength: 2 }),
          text,
          text,
          text,
          async (pair, ...parts) => {
            const [one = "", other = ""] = pair;
            // Each run in threads of its own, though fast-check repeats itself: a deleted thread stays deleted.
            const run = crypto.randomUUID();
            await apart(place, [`${one}${run}`, `${other}${run}`], parts);
          },
        ),
        { numRuns: amount(30, 1_000), ...freshSeed },
      ),
    controls: [model("ids of threads lose what is not ASCII")],
  },
];
