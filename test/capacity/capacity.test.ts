// Whether the model tells what Redis holds, and whether the page says what the run found. Times are nobody's promise:
// of processor time only a gross error fails.
import { readFileSync } from "node:fs";
import path from "node:path";
import { Redis } from "ioredis";
import { beforeAll, expect, inject, test } from "vitest";
import { seededRandom } from "../bench/measure/random.js";
import { historyKeys, ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { BOTH, COMPRESSED, forms, PLAIN, SEALED } from "../bench/private/forms.js";
import { LANES } from "./measure/calibrate-calls.js";
import { calibrateMemory } from "./measure/calibrate-memory.js";
import { type FormSizes, measureForms } from "./measure/forms.js";
import { memories } from "./measure/load.js";
import { startServer } from "./measure/server.js";
import { sizesOf } from "./measure/sizes.js";
import { store } from "./measure/store.js";
import { assumptions } from "./model/assumptions.js";
import { needOf } from "./model/capacity.js";
import { checkOf } from "./model/check.js";
import { inForm } from "./model/forms.js";
import { leastSquares } from "./model/least-squares.js";
import { memoryOfPopulation } from "./model/memory.js";
import type { Linear, MemoryParameters } from "./model/parameters.js";
import { toChart } from "./report/chart.js";
import { measuredOf } from "./report/derived.js";
import { formSection } from "./report/forms.js";
import { readFindings, renderPage, renderReadme } from "./report/write.js";
import type { Findings } from "./run.js";
import { shardOf, slotOf } from "./simulation/slots.js";
import { simulate } from "./simulation/unevenness.js";
import { Census, kinds, type Population } from "./workload/population.js";
import { ownersOf } from "./workload/users.js";
import { world, type World } from "./workload/world.js";

const root = path.join(import.meta.dirname, "../..");
const docs = path.join(root, "docs");
const findings: Findings = readFindings(docs);
const page = renderPage(findings);
const BOUND = 0.1;

/** Short ones, so that what a conversation takes in any case is a large part of it. */
const shortTalk: World = {
  ...world,
  turnsPerConversation: { median: 1.4, sigma: 0.5, least: 1, most: 5 },
  answerBytes: { ...world.answerBytes, median: 200 },
};

/** 800 conversations unlike those that the model was calibrated on: what they took, with the operations remembered. */
let measured: { parameters: MemoryParameters; population: Population; operations: number; bytes: number };
beforeAll(async () => {
  await using calibration = await startServer("one node", LANES);
  const parameters = await calibrateMemory(calibration, world, 30, seededRandom(1));
  await using server = await startServer("one node", 1);
  const [client] = server.clients;
  if (client === undefined) throw new Error("No client.");
  const census = new Census();
  const random = seededRandom(2);
  for (const owner of ownersOf(30, { ...world, remembered: 1 }, random)) await store(client, owner, "turn", random);
  await server.nodes[0]?.flushall();
  const bytesNow = async (): Promise<number> => (await memories(server.nodes))[0]?.keyBytes ?? Number.NaN;
  const before = await bytesNow();
  for (const owner of ownersOf(800, shortTalk, random)) {
    for (const key of (await store(client, owner, "turn", random)).keys) census.add(key);
  }
  const bytes = (await bytesNow()) - before;
  const sizes = await sizesOf(server.nodes, 1, random);
  const operations = sizes.find(({ kind }) => kind === "operation")?.keys ?? 0;
  measured = { parameters, population: census.population, operations, bytes };
});

function errorWith(parameters: MemoryParameters): number {
  const { population, operations, bytes } = measured;
  return memoryOfPopulation(population, parameters, { operations }) / bytes - 1;
}

test("the memory of 800 conversations is what the model says, which was calibrated on others", () => {
  expect(Math.abs(errorWith(measured.parameters))).toBeLessThan(BOUND);
});

test("a model without what a conversation, a message or a byte of text takes would be told apart", () => {
  const without = (part: keyof Linear): MemoryParameters => ({
    ...measured.parameters,
    kinds: Object.fromEntries(
      kinds.map((kind) => [kind, { ...measured.parameters.kinds[kind], [part]: 0 }]),
    ) as MemoryParameters["kinds"],
  });
  expect(errorWith(without("base"))).toBeLessThan(-BOUND);
  expect(errorWith(without("perItem"))).toBeLessThan(-BOUND);
  expect(errorWith(without("perByte"))).toBeLessThan(-BOUND);
});

test("every kind of key that the library leaves is one that the model knows", () => {
  for (const { inspected } of findings.topologies) {
    for (const { kind, keys } of inspected.sizes) {
      expect(kind).not.toBe("data key");
      expect(kind).not.toBe("other");
      if (kind !== "operation" && kind !== "data key" && kind !== "other")
        expect(keys, kind).toBe(inspected.population[kind].keys);
    }
  }
});

test.each(findings.topologies.map((found) => [found.topology, found] as const))(
  "the published run on %s is what the model, which had not seen it, predicted",
  (_, found) => {
    for (const { what, unit, error } of checkOf(found)) {
      expect(Math.abs(error), what).toBeLessThan(unit === "bytes" ? BOUND : 0.6);
    }
  },
);

test("the page, the chart and the README's lines are those of docs/capacity.json", () => {
  expect(readFileSync(path.join(docs, "capacity.md"), "utf8")).toBe(page);
  expect(readFileSync(path.join(docs, "capacity.svg"), "utf8")).toBe(toChart(findings));
  const readme = readFileSync(path.join(root, "README.md"), "utf8");
  expect(readme).toContain("<!-- capacity -->");
  expect(renderReadme(readme, findings)).toBe(readme);
});

test("the page has no number that could not be worked out", () => {
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
});

test("the model's memory follows what the same conversations take compressed, sealed and both", async () => {
  const sizes = await measureForms(40);
  expect(sizes.map(({ form }) => form)).toEqual(forms);
  for (const one of sizes) expect(one.sizes.map(({ kind }) => kind)).not.toContain("other");
  const sizesIn = (form: string): FormSizes => sizes.find((one) => one.form === form) as FormSizes;
  const measuredPlain = measuredOf(findings);
  const bytesIn = (form: string): number =>
    needOf(1e6, inForm(measuredPlain, sizesIn(PLAIN), sizesIn(form)), assumptions).bytes;
  expect(bytesIn(PLAIN)).toBeCloseTo(needOf(1e6, measuredPlain, assumptions).bytes);
  expect(bytesIn(COMPRESSED)).toBeLessThan(bytesIn(BOTH));
  expect(bytesIn(BOTH)).toBeLessThan(bytesIn(PLAIN));
  expect(bytesIn(PLAIN)).toBeLessThan(bytesIn(SEALED));
  expect(sizesIn(COMPRESSED).dataKeyBytes).toBe(0);
  expect(sizesIn(SEALED).dataKeyBytes).toBeGreaterThan(0);
  expect(formSection({ ...findings, forms: sizes, formsOfMadeUpWords: sizes })).not.toMatch(/NaN|undefined|Infinity/);
});

test("a simulation with the same seeds has the same result, and with one shard nothing is uneven", () => {
  const plan = { owners: [2_000], shards: [1, 3, 30], seeds: 3 };
  const first = simulate(plan, world);
  expect(simulate(plan, world)).toEqual(first);
  for (const { shards, mean } of first) {
    if (shards === 1) expect(mean).toBeCloseTo(1);
    else expect(mean).toBeGreaterThan(1);
  }
});

test("slots are those of Redis Cluster, and three shards have equal parts of them", async () => {
  const [node] = inject("servers").cluster;
  const client = new Redis({ ...node });
  const keys = [
    ...["ada", "Grüße", "{a}b", "{}", "a{b"].map((id) => historyKeys("chat", id).messages),
    ...["ada", "bob"].map((id) => ownerKeys("chat", ownerTag(id, "acme")).sessions),
    "{}plain",
    "no tag",
  ];
  for (const key of keys) expect(slotOf(key), key).toBe(await client.cluster("KEYSLOT", key));
  client.disconnect();
  const perShard = [0, 0, 0];
  for (let slot = 0; slot < 16_384; slot++) perShard[shardOf(slot, 3)] = (perShard[shardOf(slot, 3)] ?? 0) + 1;
  expect(Math.max(...perShard) - Math.min(...perShard)).toBeLessThanOrEqual(1);
});

test("least squares finds the line through points on it, and leaves out what never varies", () => {
  const rows = [1, 2, 5, 9].map((items) => [1, items, 0]);
  const [base = 0, perItem = 0, perByte = 1] = leastSquares(
    rows,
    rows.map(([, items = 0]) => 100 + 7 * items),
  );
  expect(base).toBeCloseTo(100);
  expect(perItem).toBeCloseTo(7);
  expect(perByte).toBe(0);
});
