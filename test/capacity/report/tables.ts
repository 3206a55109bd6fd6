import { table } from "../../bench/report/table.js";
import { type Assumptions, assumptions } from "../model/assumptions.js";
import { type Need, needOf } from "../model/capacity.js";
import { checkOf } from "../model/check.js";
import { meanBytes } from "../model/memory.js";
import { expectedUnevenness } from "../model/unevenness.js";
import type { Findings } from "../run.js";
import { TENANT_PART } from "../simulation/unevenness.js";
import type { Spread } from "../workload/spread.js";
import type { World } from "../workload/world.js";
import { clusterOf, measuredOf, SIZES } from "./derived.js";
import { bytes, count, digits, microseconds, percent, signed } from "./format.js";

export function checkTable(findings: Findings): string {
  return table(
    ["", "", "predicted", "measured", "error"],
    findings.topologies.flatMap((found) =>
      checkOf(found).map(({ what, unit, predicted, measured, error }) => {
        const format = unit === "µs" ? microseconds : bytes;
        return [found.topology, what, format(predicted), format(measured), signed(error)];
      }),
    ),
  );
}

/** `MEMORY USAGE` of each kind of key. */
export function kindTable(findings: Findings): string {
  const { inspected, parameters } = clusterOf(findings);
  return table(
    ["kind of key", "keys", "predicted", "measured", "error"],
    inspected.sizes.flatMap(({ kind, keys, sampled, meanBytes: measured }) => {
      if (kind === "operation" || kind === "data key" || kind === "other") return [];
      const predicted = meanBytes(inspected.population, kind, parameters.memory);
      return [
        [
          kind,
          count(keys),
          bytes(predicted),
          `${bytes(measured)} (${count(sampled)} keys)`,
          signed(predicted / measured - 1),
        ],
      ];
    }),
  );
}

export function callTable(findings: Findings): string {
  return table(
    [
      "call",
      "",
      "commands",
      "processor time",
      "of it in commands, by the clock",
      "a second on one core",
      "bytes in",
      "bytes out",
      "to a replica",
    ],
    findings.topologies.flatMap(({ topology, calls }) =>
      calls.map((one, index) => [
        one.call === "verify" ? "verify" : `${one.call}, ${one.items} messages, ${bytes(one.bytes)}`,
        topology,
        count(one.commands),
        microseconds(one.cpuMicroseconds),
        microseconds(one.commandMicroseconds),
        count(Math.round(1e4 / one.cpuMicroseconds) * 100),
        bytes(one.bytesIn),
        bytes(one.bytesOut),
        topology === "one node" ? bytes(findings.replication[index]?.replicatedBytes ?? Number.NaN) : "–",
      ]),
    ),
  );
}

/** The same 100 M conversations when one thing is different. */
export function differenceTable(findings: Findings): string {
  const measured = measuredOf(findings);
  const { world } = measured;
  const scaled = (factor: number): Partial<World> => ({
    questionBytes: scaledSpread(world.questionBytes, factor),
    answerBytes: scaledSpread(world.answerBytes, factor),
    toolResultBytes: scaledSpread(world.toolResultBytes, factor),
  });
  const plain = findings.settings[0];
  const compressed = findings.settings.find(({ setting }) => setting.startsWith("list-compress-depth"));
  const share = plain && compressed ? compressed.messagesBytesPerConversation / plain.messagesBytesPerConversation : 1;
  const cases: readonly (readonly [string, Partial<Assumptions>, Partial<World>])[] = [
    ["as assumed", {}, {}],
    ["`maxMessages: 50`", { maxMessages: 50 }, {}],
    ["`maxMessages: 20`", { maxMessages: 20 }, {}],
    ["`maxMessages: 10`", { maxMessages: 10 }, {}],
    ["`window: { messages: 20 }`", { window: 20 }, {}],
    ["texts half as long", {}, scaled(0.5)],
    ["texts twice as long, or of two bytes a character", {}, scaled(2)],
    ["twice as many turns", {}, { turnsPerConversation: scaledSpread(world.turnsPerConversation, 2) }],
    ["no tools", {}, { toolTurns: 0 }],
    ['`conversationTtl: "7d"`, the same number kept', { retentionDays: 7 }, {}],
    ["shards of 128 GiB", { shardGiB: 128 }, {}],
  ];
  const size = SIZES[2] ?? 1e8;
  const row = (what: string, need: Need, memory = need.bytes): string[] => [
    what,
    bytes(memory),
    count(need.shards),
    microseconds(need.cost.cpuMicroseconds),
    bytes(need.cost.bytesOut),
    digits(need.peakTurnsPerSecond),
  ];
  const rows = cases.map(([what, ours, theirs]) =>
    row(what, needOf(size, { ...measured, world: { ...world, ...theirs } }, { ...assumptions, ...ours })),
  );
  return `${table(["", "memory", "shards", "processor time a turn", "network out a turn", "turns a second, peak"], rows)}

\`list-compress-depth 1\` makes a list of messages ${percent(1 - share, 0)} smaller with the texts of this run, and reading dearer ([settings](#settings-of-redis)).`;
}

function scaledSpread(spread: Spread, factor: number): Spread {
  return { ...spread, median: spread.median * factor, most: spread.most * factor };
}

export function unevennessTable({ simulation }: Findings): string {
  return table(
    ["", "of so many", "shards", "fullest ÷ average", "95 % of seeds", "formula"],
    simulation.map((one) => [
      one.scenario,
      count(one.owners),
      count(one.shards),
      `${one.mean.toFixed(2)}×`,
      `${one.low.toFixed(2)}–${one.high.toFixed(2)}`,
      `${expectedUnevenness(one.owners * (one.scenario.includes("tenant") ? TENANT_PART : 1), one.shards, one.variation).toFixed(2)}×`,
    ]),
  );
}
