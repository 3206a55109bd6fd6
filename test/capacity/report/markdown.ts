import { table } from "../../bench/report/table.js";
import type { Findings } from "../run.js";
import { answerTable } from "./answer.js";
import { assumptionTable } from "./assumed.js";
import { clusterOf, measuredOf, needsOf } from "./derived.js";
import { bytes, count, digits, large, microseconds, percent } from "./format.js";
import { formSection } from "./forms.js";
import { hotSection } from "./hot.js";
import { howToRead, limits, whatRan, whenToCap } from "./prose.js";
import { fragmentationLine, settingsSection } from "./settings.js";
import { callTable, checkTable, differenceTable, kindTable } from "./tables.js";

/** docs/capacity.md. `roundTrips`: of a verified turn, as docs/benchmark.json has it. */
export function toMarkdown(findings: Findings, roundTrips: number): string {
  return `${[
    "# Capacity",
    "How much Redis so many conversations need. `npm install` and `npm run capacity` measure it and write this page; the raw results are in `capacity.json`, and `npm run capacity -- --report` makes the page anew of them.",
    answerTable(findings),
    howToRead(findings),
    "![Memory and shards by the number of conversations, and how uneven shards are](capacity.svg)",
    "## What a conversation and a turn cost",
    costSection(findings, roundTrips),
    "## What changes it",
    "100 M conversations, with one thing different.",
    differenceTable(findings),
    ...(findings.forms ? ["## Compressed and sealed", formSection(findings)] : []),
    "## What is assumed",
    "Replace what is not so with you: in `test/capacity/workload/world.ts` and `test/capacity/model/assumptions.ts`; then `npm run capacity -- --report`.",
    assumptionTable(findings),
    "## The check",
    whatRan(findings),
    checkTable(findings),
    runFacts(findings),
    `Each kind of key on the Cluster, by \`MEMORY USAGE … SAMPLES 0\`. Conversations differ so much that the mean of a sample of their lists has a standard error of about ${percent(samplingError(findings), 0)}; the sum above has none.`,
    kindTable(findings),
    "## Calls",
    "Processor time of the servers, kernel and network included; the median of the rounds. What goes to a replica is what the call added to the append-only file of one node.",
    callTable(findings),
    "## Hot user, hot shard, huge tenant",
    hotSection(findings),
    "## Settings of Redis",
    "Only those that matter here; bytes and times of this page, for 100 M conversations where a number depends on it.",
    settingsSection(findings),
    "## When to cap, when to archive",
    whenToCap(findings),
    "## What this does not tell",
    limits(findings),
  ].join("\n\n")}\n`;
}

/** Of the mean of as many lists as were weighed. */
function samplingError(findings: Findings): number {
  const sampled = clusterOf(findings).inspected.sizes.find(({ kind }) => kind === "messages")?.sampled ?? 1;
  const lists = findings.simulation.find(({ scenario }) => scenario === "bytes of standalone histories");
  return (lists?.variation ?? Number.NaN) / Math.sqrt(sampled);
}

function costSection(findings: Findings, roundTrips: number): string {
  const [need] = needsOf(findings);
  if (need === undefined) return "";
  const { average, cost } = need;
  const { parameters } = measuredOf(findings);
  const stored =
    parameters.memory.kinds.messages.perItem * average.messagesPerTurn +
    parameters.memory.kinds.messages.perByte * average.bytesPerTurn;
  return `${table(
    ["a turn", ""],
    [
      ["round trips (verify, read, append)", `${roundTrips}`],
      ["processor time of the shard", microseconds(cost.cpuMicroseconds)],
      ["network to the shard", bytes(cost.bytesIn)],
      [
        "network from the shard",
        `${bytes(cost.bytesOut)}: it reads ${digits(average.messagesRead)} messages on average`,
      ],
      ["to each replica, and to the append-only file", bytes(need.replicatedBytes)],
      ["stored", `${bytes(stored)}, of which ${bytes(average.bytesPerTurn)} are text`],
      ["remembered for two minutes", `${bytes(parameters.memory.operation)} of operation id`],
    ],
  )}

A conversation of ${digits(average.turns)} turns, ${digits(average.messages)} messages, takes ${bytes(need.bytes / need.conversations)} with its part of the user's. A message takes ${bytes(parameters.memory.kinds.messages.perItem)} beside its text, of which it is the larger part where texts are short: its JSON, ids, and what a provider tells along.

${table(
  ["conversations", "users", "sessions alive, peak", "people chatting, peak", "turns a second, average"],
  needsOf(findings).map((one) => [
    large(one.conversations),
    large(one.users),
    large(one.liveSessions),
    large(one.activeUsers),
    digits(one.turnsPerSecond),
  ]),
)}`;
}

function runFacts(findings: Findings): string {
  const { inspected } = clusterOf(findings);
  const [single] = findings.topologies;
  const used = inspected.after.map((node, index) => node.usedMemory - (inspected.before[index]?.usedMemory ?? 0));
  const mean = used.reduce((sum, one) => sum + one, 0) / used.length;
  const spread = inspected.after.map(({ keys }, index) => `${count(keys)} keys, ${bytes(used[index] ?? 0)}`).join("; ");
  const dataset = single?.inspected.after.reduce((sum, node) => sum + node.usedMemoryDataset, 0) ?? 0;
  const data = single?.inspected.after.reduce((sum, node) => sum + node.usedMemory, 0) ?? 0;
  const snapshot = single?.inspected.snapshotBytes;
  return `The nodes of the Cluster: ${spread}; the fullest ${(Math.max(...used) / mean).toFixed(3)}× the average. Of what one node uses ${percent(dataset / data)} are data (\`used_memory_dataset\`). The process takes more than Redis counts: ${fragmentationLine(findings)} (what the load added to \`used_memory_rss\` ÷ what it added to \`used_memory\`).${snapshot === undefined ? "" : ` A snapshot (RDB, compressed) of one node: ${bytes(snapshot)}, ${percent(snapshot / data, 0)} of its memory; an append-only file begins with the same when it is rewritten.`}`;
}
