// What a thread refers to is counted: whatever was called, no node is left over, and none is missing.
import { HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { INTERRUPT, type PendingWrite, RESUME } from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, expect, inject, test } from "vitest";
import { RedisSaver } from "langchain-redis-sessions/langgraph";
import { amount } from "../support/amount.js";
import { freshSeed } from "../support/fresh-seed.js";
import { freshId } from "../support/turns.js";
import { listed, put, putArguments, threadConfig } from "./support/checkpoints.js";
import { threadFaults } from "./support/thread-faults.js";

const client = new Redis(inject("servers").single);
afterAll(() => client.disconnect());

const namespaces = ["", "child", "sub:task", "sub:task|1", "sub:task|in:task"];
const channels = ["messages", "plan", "delta"];
const long = fc.nat(6).map((one) => `${one} `.repeat(60));
const message = fc.nat(9).map((one) => new HumanMessage({ content: `${one} `.repeat(50), id: `${one}` }));
const value = fc.oneof(
  long,
  fc.array(message, { maxLength: 80 }),
  fc.array(message, { maxLength: 5 }).map((messages) => ({ state: { messages, again: [messages] } })),
  fc.nat(5),
  fc.uint8Array({ minLength: 60, maxLength: 62 }),
);
const changes = fc.dictionary(fc.constantFrom(...channels), value, { maxKeys: 3 });
const writes = fc.oneof(
  fc.array(fc.tuple(fc.constantFrom(...channels), value), { minLength: 1, maxLength: 3 }),
  fc.array(fc.tuple(fc.constantFrom(INTERRUPT, RESUME), value), { minLength: 1, maxLength: 3 }),
) as fc.Arbitrary<PendingWrite[]>;
const place = {
  namespace: fc.constantFrom(...namespaces),
  back: fc.oneof(fc.constant(0), fc.nat(6)),
  saver: fc.nat(1),
};

const call = fc.oneof(
  { weight: 45, arbitrary: fc.record({ call: fc.constant("put" as const), ...place, changes, delta: fc.boolean() }) },
  {
    weight: 35,
    arbitrary: fc.record({
      call: fc.constant("putWrites" as const),
      ...place,
      task: fc.constantFrom("one", "two"),
      writes,
      early: fc.boolean(),
    }),
  },
  { weight: 15, arbitrary: fc.record({ call: fc.constant("again" as const), saver: fc.nat(1), back: fc.nat(20) }) },
  { weight: 10, arbitrary: fc.record({ call: fc.constant("prune" as const), keep: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant("delete" as const) }) },
);

test("a write that comes second leaves nothing behind, and neither does a value that a call holds and does not store", async () => {
  const keyPrefix = freshId();
  const saver = new RedisSaver({ client, keyPrefix });
  const on = await put(saver, { on: threadConfig("t"), values: {} });
  const said = (text: string) => [new HumanMessage(`${text} `.repeat(60))];
  await saver.putWrites(on, [["messages", said("first")]], "task");
  const size = () => client.hlen(`${keyPrefix}:thread:{t}:nodes`);
  const before = await size();
  expect(before).toBeGreaterThan(0);
  await new RedisSaver({ client, keyPrefix }).putWrites(on, [["messages", said("second")]], "task");
  expect(await size()).toBe(before);
  // The serializer breaks the cycle, so that the message is a part of the text.
  const cyclic: Record<string, unknown> = { said: said("third") };
  cyclic["self"] = cyclic;
  await saver.putWrites(on, [["cyclic", cyclic]], "another");
  expect(await size()).toBe(before + 1);
  expect(await threadFaults(client, `${keyPrefix}:thread:{t}`)).toEqual([]);
});

test(
  "after random calls of two savers: what they repeat, replace, prune and delete included",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(call, { minLength: 1, maxLength: 60, size: "max" }),
        fc.constantFrom(1, 3, 10, "all" as const),
        async (calls, maxCheckpoints) => {
          const keyPrefix = freshId();
          const savers = [0, 1].map(() => new RedisSaver({ client, keyPrefix, maxCheckpoints }));
          const known = new Map<string, { config: RunnableConfig; put: ReturnType<typeof putArguments> }[]>();
          const sent: ((saver: RedisSaver) => Promise<unknown>)[] = [];
          const send = async (saver: number, act: (by: RedisSaver) => Promise<unknown>): Promise<void> => {
            sent.push(act);
            await act(savers[saver] ?? expect.unreachable()).catch((error: unknown) => {
              expect(error).toMatchObject({ code: "THREAD_DELETED" });
            });
          };
          for (const [index, made] of calls.entries()) {
            if (made.call === "prune") await savers[0]?.prune("t", { keep: made.keep });
            else if (made.call === "delete") await savers[0]?.deleteThread("t");
            else if (made.call === "again") {
              const act = sent.at(-1 - (made.back % Math.max(1, sent.length)));
              if (act) await send(made.saver, act);
            } else {
              const here = known.get(made.namespace) ?? [];
              known.set(made.namespace, here);
              const parent = here.at(-1 - (made.back % Math.max(1, here.length)));
              if (made.call === "putWrites") {
                const config = made.early
                  ? { configurable: { thread_id: "t", checkpoint_ns: made.namespace, checkpoint_id: `early ${index}` } }
                  : parent?.config;
                if (config) await send(made.saver, (saver) => saver.putWrites(config, made.writes, made.task));
                continue;
              }
              const changed: Record<string, unknown> = { ...made.changes };
              if (made.delta) delete changed["delta"];
              const values = parent?.put[1].channel_values ?? {};
              const arguments_ = putArguments({
                on: parent?.config ?? threadConfig("t", made.namespace),
                values: changed,
                carried: Object.fromEntries(
                  Object.entries(values).filter(
                    ([name]) => !Object.hasOwn(changed, name) && !(made.delta && name === "delta"),
                  ),
                ),
                versions: {
                  ...parent?.put[1].channel_versions,
                  ...Object.fromEntries(Object.keys(changed).map((name) => [name, index])),
                },
                metadata: {
                  parents: Object.fromEntries(
                    [...known].flatMap(([name, all]) => all.slice(-1).map(({ put: [, { id }] }) => [name, id])),
                  ),
                  ...(made.delta && { counters_since_delta_snapshot: { delta: [1, 1] } }),
                } as never,
              });
              const config = { configurable: { ...arguments_[0].configurable, checkpoint_id: arguments_[1].id } };
              await send(made.saver, (saver) => saver.put(...arguments_));
              here.push({ config, put: arguments_ });
            }
            expect(await threadFaults(client, `${keyPrefix}:thread:{t}`)).toEqual([]);
          }
          const stored = new Map(
            [...known.values()].flat().map(({ put: [, checkpoint] }) => [checkpoint.id, checkpoint]),
          );
          for (const { checkpoint } of await listed(new RedisSaver({ client, keyPrefix }), {
            configurable: { thread_id: "t" },
          })) {
            expect(checkpoint.channel_values).toEqual(stored.get(checkpoint.id)?.channel_values);
          }
        },
      ),
      { numRuns: amount(25, 3_000), ...freshSeed },
    );
  },
  amount(60_000, 3_600_000),
);
