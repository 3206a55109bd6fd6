// Whatever is done in whatever order, a namespace is what a Map would be, and its accounting is exact.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { amount } from "../support/amount.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { freshRing, ringsOfSwitching } from "./support/forms.js";
import { MemoryModel, steps } from "./support/memory-model.js";

/** Namespaces that are used at the same time, so that the time goes into work and not into round trips. */
const LANES = 10;
const LENGTH = 100;
const operations = amount(4_000, 1_000_000);

const step = fc.record({ what: fc.constantFrom(...steps), a: fc.nat(1_000), b: fc.nat(1_000), c: fc.nat(1_000) });
const sequence = fc.array(step, { minLength: LENGTH, maxLength: LENGTH, size: "max" });

/** What the operations must have met, or they prove little. */
const everywhere = ["set", "setMany", "setIfVersion", "update", "increment", "append"].flatMap((what) => [
  `${what}: ok`,
  `${what}: QUOTA_EXCEEDED`,
]);
const somewhere = ["setIfVersion: VERSION_CONFLICT", "increment: VALUE_MISMATCH", "append: VALUE_MISMATCH"];

const { sealing, plain } = ringsOfSwitching();
const cluster = topologies[1] ?? onOneRedis;
const written = [
  { ...onOneRedis, form: "plain", encryptions: [undefined] },
  { ...cluster, form: "plain", encryptions: [undefined] },
  { ...onOneRedis, form: "sealed", encryptions: [freshRing()] },
  { ...onOneRedis, form: "plain and sealed in turn", encryptions: [sealing, plain] },
];

describe.each(written)("agent memory on $name, $form", ({ connect, encryptions }) => {
  const keyPrefix = freshId();
  let client: Client;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await client.quit();
  });

  test(`${operations / 2} random operations do what a Map would`, async () => {
    const outcomes = new Set<string>();
    let taken = 0;
    const lane = (kind: number): Promise<void> =>
      fc.assert(
        fc.asyncProperty(sequence, async (sequenceOfSteps) => {
          const model = new MemoryModel(client, keyPrefix, kind, encryptions);
          for (const one of sequenceOfSteps) {
            await model.take(one);
            taken += 1;
          }
          await model.compare();
          for (const outcome of model.outcomes) outcomes.add(outcome);
          await client.unlink(...model.storedKeys);
        }),
        { numRuns: operations / 2 / LANES / LENGTH, seed: 20_261_121 + kind },
      );
    const checked = Promise.all(Array.from({ length: LANES }, (_, kind) => lane(kind))).then(() => "no difference");
    await expect(checked).resolves.toBe("no difference");
    expect(taken).toBe(operations / 2);
    expect([...everywhere, ...somewhere].filter((outcome) => !outcomes.has(outcome))).toEqual([]);
  }, 900_000);
});
