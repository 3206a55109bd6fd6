// Values that JSON cannot hold, or that LangChain cannot load: refused with nothing stored, or read as MemorySaver reads them.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { MemorySaver } from "@langchain/langgraph-checkpoint";
import { describe, expect, test } from "vitest";
import { InvalidOptionError } from "langchain-redis-sessions";
import { RedisSaver } from "langchain-redis-sessions/langgraph";
import { client } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { listed, put, threadConfig, valuesOf } from "./support/checkpoints.js";
import { keysUnder } from "./support/keys.js";
import { sealing } from "./support/sealed.js";

const unknown = { lc: 1, type: "constructor", id: ["elsewhere", "Secret"], kwargs: { key: "content" } };

/** Values that MemorySaver stores, and then cannot read, or reads as another. */
const refused: Readonly<Record<string, unknown>> = {
  "a bigint": 1n,
  "a bigint inside": { list: [{ n: 1n }] },
  "a bigint in a Set": new Set([1n]),
  "a bigint in a Map": new Map([["n", 1n]]),
  "a bigint object": Object(1n) as object,
  "a bigint in a message": [new HumanMessage({ content: "Hi", additional_kwargs: { n: 1n } })],
  "an object of a class that LangChain cannot load": unknown,
  "one of them inside": { list: [unknown] },
  "one of them in a message": [
    new AIMessage({ content: "", tool_calls: [{ id: "1", name: "save", args: { what: unknown } }] }),
  ],
};

const cyclic: Record<string, unknown> = { said: [new HumanMessage({ content: "Hi", id: "1" })] };
cyclic["self"] = cyclic;

/** Values that come back, changed or not. */
const kept: Readonly<Record<string, unknown>> = {
  "a symbol": Symbol("s"),
  "a function": () => 1,
  "a symbol and a function inside": { s: Symbol("s"), f: () => 1, list: [Symbol("s"), () => 1] },
  NaN: Number.NaN,
  "NaN, Infinity and -0 inside": [Number.NaN, Infinity, -Infinity, -0, { n: Number.NaN }],
  "-0": -0,
  Infinity,
  undefined,
  "undefined inside": [undefined, { a: undefined }],
  "a Date": new Date(0),
  "a Date inside": { at: [new Date(0)] },
  "a Date of no time": new Date(Number.NaN),
  "a value that holds itself": cyclic,
  "an Error": new Error("e"),
  "a RegExp": /a/g,
  "a lone surrogate": { "\ud800": "\udfff" },
  "what a toJSON makes": { toJSON: () => ({ made: 1 }) },
  "nothing that a toJSON makes": { inner: { toJSON: () => undefined } },
  "words of an object of LangChain": { text: '"lc":1,"type":"constructor"', lc: 1, type: "constructor" },
};

describe.each([
  ["", {}],
  ["sealed, ", sealing()],
])("%s", (_, options) => {
  const saverOf = (keyPrefix: string): RedisSaver => new RedisSaver({ client, keyPrefix, ...options });

  test.each(Object.entries(refused))("%s is refused by its channel, and nothing is stored", async (_name, value) => {
    const keyPrefix = freshId();
    const saver = saverOf(keyPrefix);
    const [thread, fine] = [threadConfig("thread"), { count: 1, said: [new HumanMessage({ content: "Hi", id: "1" })] }];
    const isRefused = async (call: Promise<unknown>): Promise<void> => {
      const error: unknown = await call.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(InvalidOptionError);
      expect(error).toMatchObject({ option: "checkpoint", message: expect.stringContaining('"odd"') as string });
      expect(String(error)).not.toMatch(/content|Secret/);
    };
    await isRefused(put(saver, { on: thread, values: { ...fine, odd: value } }));
    expect(await keysUnder(client, keyPrefix)).toEqual([]);
    const on = await put(saver, { on: thread, values: fine });
    await isRefused(put(saver, { on, values: { odd: value }, carried: fine }));
    await isRefused(
      saver.putWrites(
        on,
        [
          ["count", 2],
          ["odd", value],
        ],
        "task",
      ),
    );
    expect(await listed(saverOf(keyPrefix), thread)).toMatchObject([
      { checkpoint: { channel_values: fine }, pendingWrites: [] },
    ]);
    // The run goes on with a value that can be stored.
    await put(saver, { on, values: { odd: "fine" }, carried: fine });
    expect(await valuesOf(saverOf(keyPrefix), thread)).toEqual({ ...fine, odd: "fine" });
  });

  test.each(Object.entries(kept))("%s comes back as MemorySaver gives it", async (_name, value) => {
    const read = async (saver: RedisSaver | MemorySaver, reader = saver): Promise<unknown> => {
      const on: RunnableConfig = await put(saver, { on: threadConfig("thread"), values: { odd: value, fine: [1] } });
      return valuesOf(reader, on);
    };
    const keyPrefix = freshId();
    expect(await read(saverOf(keyPrefix), saverOf(keyPrefix))).toEqual(await read(new MemorySaver()));
  });
});

test.each(Object.entries(refused))(
  "control: MemorySaver stores %s, and reads something else or nothing",
  async (_, value) => {
    const saver = new MemorySaver();
    const on = await put(saver, { on: threadConfig("thread"), values: { odd: value } });
    const found = await valuesOf(saver, on).catch((error: unknown) => error);
    expect(found).not.toEqual({ odd: value });
  },
);

test("metadata that JSON cannot hold is refused, and nothing is stored", async () => {
  const keyPrefix = freshId();
  const saver = new RedisSaver({ client, keyPrefix });
  const call = put(saver, { on: threadConfig("thread"), values: { n: 1 }, metadata: { userId: 1n } });
  await expect(call).rejects.toMatchObject({
    option: "checkpoint",
    message: expect.stringContaining("its metadata") as string,
  });
  expect(await keysUnder(client, keyPrefix)).toEqual([]);
});
