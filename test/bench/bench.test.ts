// What a run writes, and what it counts. Times are nobody's promise: no test looks at one.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installed } from "../savers/peers.js";
import { streamsInstalled } from "../savers/streams.js";
import { BOTH, COMPRESSED, forms, PLAIN, SEALED } from "./private/forms.js";
import { OPEN } from "./answers/killed.js";
import { ASSISTANT_STREAM, RESUMABLE_STREAM } from "./answers/streams.js";
import { MEMORY_SAVER, OFFICIAL, SQLITE } from "./graphs/savers.js";
import { smokePlan, workloads } from "./plan.js";
import { headlineTable } from "./report/headline.js";
import { readFindings, renderReadme } from "./report/write.js";
import type { Findings } from "./run.js";
import { OBSERVED, UNOBSERVED } from "./telemetry/measure.js";
import { COMMUNITY, EXPRESS_SESSION, OURS, RAW } from "./workloads/names.js";
import { underHistory, withSession } from "./workloads/turn.js";

const root = path.join(import.meta.dirname, "../..");
const folder = mkdtempSync(path.join(tmpdir(), "bench-"));
let printed: string;
let findings: Findings;

beforeAll(async () => {
  const program = [path.join(import.meta.dirname, "main.ts"), "--smoke", "--sources", "--out", folder];
  const tsx = path.join(root, "node_modules/.bin/tsx");
  const { stdout } = await promisify(execFile)(tsx, ["--tsconfig", path.join(root, "tsconfig.json"), ...program]);
  printed = stdout;
  findings = readFindings(folder);
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every operation is measured under every condition, by every candidate", () => {
  const rows = findings.timings.map(({ workload, delayMilliseconds, sessions }) => ({
    workload,
    delayMilliseconds,
    sessions,
  }));
  const expected = smokePlan.conditions.flatMap(({ delayMilliseconds, sessions }) =>
    workloads
      .filter(({ mostSessions }) => sessions <= mostSessions)
      .map(({ name }) => ({ workload: name, delayMilliseconds, sessions })),
  );
  expect(rows).toHaveLength(expected.length);
  expect(rows).toEqual(expect.arrayContaining(expected));
  for (const { workload, results } of findings.timings) {
    const names = results.map(({ candidate }) => candidate);
    const fewest = workload.startsWith("memory") ? 2 : /^(create|verify|end)$/.test(workload) ? 3 : 5;
    expect(names.length, workload).toBeGreaterThanOrEqual(fewest);
    for (const { median, p99, perSecond, clientMicroseconds } of results) {
      for (const figure of [median, p99, perSecond, clientMicroseconds]) expect(figure, workload).toBeGreaterThan(0);
    }
  }
});

test("processor time and bytes are there for this library and its peers", () => {
  expect(findings.cpu.map(({ what }) => what)).toEqual(["encode", "encode", "decode", "decode", "decode", "decode"]);
  expect(findings.bytes.map(({ candidate }) => candidate)).toEqual([
    OURS,
    COMMUNITY,
    "@langchain/redis",
    OURS,
    EXPRESS_SESSION,
  ]);
  for (const { bytes } of findings.bytes) expect(bytes).toBeGreaterThan(0);
});

test.each([
  ["append", OURS, 1],
  ["append", COMMUNITY, 4],
  ["read-10", OURS, 1],
  ["turn", withSession("allow"), 2],
  ["turn", withSession("wait"), 3],
  ["turn", underHistory(OURS), 2],
  ["turn", underHistory(COMMUNITY), 5],
  ["verified-turn", OURS, 3],
  ["create-at-limit", OURS, 1],
  ["verify", OURS, 1],
  ["end", OURS, 1],
  ["end-all", OURS, 1],
  ["memory-set", OURS, 1],
  ["memory-get", OURS, 1],
  ["append", RAW, 1],
])("round trips counted at the wire: %s, %s: %i", (operation, candidate, trips) => {
  const row = findings.roundTrips.find((found) => found.operation === operation && found.candidate === candidate);
  expect(row?.roundTrips).toBe(trips);
});

test("an agent's turns are measured with every saver that is installed", () => {
  const { growth = [], timings = [] } = findings.graphs ?? {};
  const savers = installed ? [MEMORY_SAVER, SQLITE, OURS, OFFICIAL] : [MEMORY_SAVER, OURS];
  expect([...new Set(growth.map(({ candidate }) => candidate))]).toEqual(savers);
  expect(growth.map(({ turns }) => turns)).toEqual(savers.flatMap(() => smokePlan.graphs.turns));
  const [, ours] = growth.filter(({ candidate }) => candidate === OURS);
  expect(ours?.commands).toBe(10);
  expect(ours?.bytes).toBeGreaterThan(0);
  expect(ours?.sent).toBeLessThan(20_000);
  expect(timings.map(({ turns, delayMilliseconds }) => [turns, delayMilliseconds])).toEqual([
    [1, 0],
    [2, 0],
    [1, 1],
  ]);
  expect(readFileSync(path.join(folder, "benchmark.md"), "utf8")).toContain(
    "| Commands in a turn with one call of a tool | ≤ 10 | 10 | reached |",
  );
});

test("an answer in flight is measured beside every package that is installed", () => {
  const { asker = [], costs = [], lags = [], crowds = [], killed = [] } = findings.answers ?? {};
  const names = streamsInstalled ? [OURS, RESUMABLE_STREAM, ASSISTANT_STREAM] : [OURS];
  expect(asker).toHaveLength(smokePlan.answers.asking.length);
  expect(costs.map(({ candidate }) => candidate)).toEqual([...names, ...names]);
  for (const { commands, sent, received, kept } of costs) {
    for (const figure of [commands, sent, received, kept]) expect(figure).toBeGreaterThan(0);
  }
  expect(lags.map(({ candidate }) => candidate)).toEqual(names);
  expect(crowds.map(({ candidate }) => candidate)).toEqual(names);
  for (const { heard, sent } of crowds) expect(heard).toBe(sent);
  expect(killed.map(({ candidate }) => candidate)).toEqual(names);
  expect(readFileSync(path.join(folder, "benchmark.md"), "utf8")).toContain("## Answers in flight");
});

test("an answer costs the request that asks one round trip", () => {
  expect(findings.answers?.roundTrips).toMatchObject({ plain: 3, answer: 4 });
});

test("of a killed process, this library's readers hear the end and a later request finds the question", () => {
  const [ours, ...others] = findings.answers?.killed ?? [];
  expect(ours).toMatchObject({
    follower: { end: "interrupted" },
    resumed: { end: "interrupted" },
    state: "interrupted",
    question: "What should I pack?",
  });
  for (const { follower, question } of others) {
    expect(follower.end).toBe(OPEN);
    expect(question).toBeUndefined();
  }
});

test("a history is measured plain, compressed, sealed and both, and its page says what each takes", () => {
  const { sizes = [], timings = [] } = findings.private ?? {};
  expect(sizes.map(({ form }) => form)).toEqual(forms);
  expect(timings.map(({ workload, delayMilliseconds }) => [workload, delayMilliseconds])).toEqual(
    smokePlan.private.delays.flatMap((delay) => [
      ["read-100", delay],
      ["append", delay],
    ]),
  );
  for (const { results } of timings) expect(results.map(({ candidate }) => candidate)).toEqual(forms);
  const page = readFileSync(path.join(folder, "benchmark.md"), "utf8");
  expect(page).toContain("## Encryption and compression");
  expect(page).toContain(`| Bytes of a message, ${COMPRESSED} | ≤ 0.45× |`);
});

test.each([
  [PLAIN, 1],
  [COMPRESSED, 1],
  [SEALED, 2],
  [BOTH, 2],
] as const)(
  "the first call of a process to a history that is %s takes %i round trips, and the second takes one",
  (form, first) => {
    const counted = findings.private?.roundTrips.find((found) => found.form === form);
    expect(counted).toMatchObject({ coldRead: first, coldAppend: first, read: 1, append: 1 });
  },
);

test("whole programs are started by turns, and the page says what a cold start takes", () => {
  expect(findings.cold?.programs.map(({ candidate }) => candidate)).toEqual([OURS, COMMUNITY]);
  expect(findings.cold?.byOrder.map(({ order }) => order)).toEqual(["client first", "history first"]);
  for (const { milliseconds } of findings.cold?.programs ?? []) expect(milliseconds).toBeGreaterThan(0);
  expect(readFileSync(path.join(folder, "benchmark.md"), "utf8")).toContain("## A cold start");
});

test("an append is measured with spans and without", () => {
  const timings = findings.telemetry ?? [];
  expect(timings.map(({ delayMilliseconds }) => delayMilliseconds)).toEqual(smokePlan.telemetry.delays);
  for (const { results } of timings) expect(results.map(({ candidate }) => candidate)).toEqual([UNOBSERVED, OBSERVED]);
  expect(readFileSync(path.join(folder, "benchmark.md"), "utf8")).toContain("## Telemetry");
});

test("the table is printed, and the page and the chart are written", () => {
  expect(printed).toContain("| Append a turn of two | @langchain/community |");
  expect(readFileSync(path.join(folder, "benchmark.md"), "utf8")).toContain("## Targets");
  expect(readFileSync(path.join(folder, "benchmark.svg"), "utf8")).toMatch(/^<svg [^]*<\/svg>\n$/);
});

test("the README's table is that of docs/benchmark.json", () => {
  const readme = readFileSync(path.join(root, "README.md"), "utf8");
  const published = readFindings(path.join(root, "docs"));
  expect(readme).toContain(headlineTable(published));
  expect(renderReadme(readme, published)).toBe(readme);
});
