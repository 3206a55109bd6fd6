import type { Result } from "../measure/compare.js";
import type { Condition } from "../plan.js";
import { workloads } from "../plan.js";
import type { Findings, Timing } from "../run.js";
import { IN_MEMORY, RAW } from "../workloads/names.js";
import { answerSection } from "./answers.js";
import { formatMilliseconds, formatRatio, LOOPBACK } from "./find.js";
import { coldSection } from "./cold.js";
import { graphSection } from "./graphs.js";
import { headlineTable } from "./headline.js";
import { privateSection } from "./private.js";
import { howItIsMeasured, whatBoundsIt } from "./prose.js";
import { table } from "./table.js";
import { targetTable } from "./targets.js";
import { telemetrySection } from "./telemetry.js";

/** docs/benchmark.md. */
export function toMarkdown(findings: Findings): string {
  const comparisons = workloads.map(({ name, title }) => {
    const timings = findings.timings.filter(({ workload }) => workload === name);
    return [`### ${title}`, timingTable(timings), ratioTable(timings)].join("\n\n");
  });
  return `${[
    "# Benchmark",
    "Written by `npm run bench`; the raw results are in `benchmark.json`.",
    "![Times of this library beside its peers](benchmark.svg)",
    headlineTable(findings),
    "## Targets",
    targetTable(findings),
    ...(findings.graphs ? [graphSection(findings.graphs)] : []),
    ...(findings.answers ? [answerSection(findings.answers)] : []),
    ...(findings.private ? [privateSection(findings.private)] : []),
    ...(findings.cold ? [coldSection(findings.cold)] : []),
    ...(findings.telemetry ? [telemetrySection(findings.telemetry)] : []),
    "## What bounds each figure now",
    whatBoundsIt,
    "## How it is measured",
    howItIsMeasured(findings),
    "## Times",
    "Median (p99) of one operation as its session sees it, and operations a second of all sessions together. Below, how " +
      "many times as long a candidate takes per operation as the one that is named, with the 95 % interval.",
    ...comparisons,
    "## Round trips",
    table(
      ["operation", "candidate", "round trips"],
      findings.roundTrips.map(({ operation, candidate, roundTrips }) => [operation, candidate, String(roundTrips)]),
    ),
    "## Bytes in Redis",
    "`MEMORY USAGE` of every key. What remembers operation ids is gone after two minutes.",
    table(
      ["what", "candidate", "keys", "bytes", "of them for two minutes"],
      findings.bytes.map(({ what, candidate, keys, bytes, twoMinutes }) =>
        [what, candidate, keys, bytes, twoMinutes].map((cell) => cell.toLocaleString("en")),
      ),
    ),
    "## Processor time an operation",
    "Of this program and of the Redis process, on loopback, one at a time; the median round. The kernel's part is in it.",
    processorTable(findings),
    "## What kept the server for more than a millisecond",
    "`SLOWLOG` while times were measured, all candidates together. EVALSHA is this library's scripts, and its alone; a " +
      "script that was kept by one of its commands is there under both. Where a command that does next to nothing (HGET, " +
      "TIME) took milliseconds, the server had lost the processor: there were more processes than cores.",
    table(
      ["command", "times", "longest"],
      findings.slow.map(({ command, times, longestMilliseconds }) => [
        command,
        times.toLocaleString("en"),
        formatMilliseconds(longestMilliseconds),
      ]),
    ),
    "## Processor time a message",
    "`process.cpuUsage()` over a mix of questions, answers, calls of tools and their results.",
    table(
      ["", "candidate", "time", "ratio to the first"],
      findings.cpu.map(({ what, candidate, microseconds, ratio }) => [
        what,
        candidate,
        `${microseconds.toFixed(2)} µs`,
        formatRatio(ratio),
      ]),
    ),
  ].join("\n\n")}\n`;
}

function timingTable(timings: readonly Timing[]): string {
  const candidates = candidatesOf(timings);
  return table(
    ["", ...candidates],
    timings.map((timing) =>
      [conditionName(timing)].concat(
        candidates.map((candidate) => {
          const { median, p99, perSecond } = timing.results.find((found) => found.candidate === candidate) as Result;
          return `${formatMilliseconds(median)} (${formatMilliseconds(p99)}), ${perSecond.toLocaleString("en", { maximumSignificantDigits: 2 })}/s`;
        }),
      ),
    ),
  );
}

function ratioTable(timings: readonly Timing[]): string {
  const compared = candidatesOf(timings).filter((name) => !name.includes(IN_MEMORY) && !name.includes(RAW));
  const pairs = compared.flatMap((candidate) =>
    Object.keys(timings[0]?.results.find((found) => found.candidate === candidate)?.ratios ?? {}).map(
      (other) => [candidate, other] as const,
    ),
  );
  return table(
    ["ratio", ...pairs.map(([candidate, other]) => `${candidate} ÷ ${other}`)],
    timings.map((timing) =>
      [conditionName(timing)].concat(
        pairs.map(([candidate, other]) => {
          const ratio = timing.results.find((found) => found.candidate === candidate)?.ratios[other];
          return ratio === undefined ? "–" : formatRatio(ratio);
        }),
      ),
    ),
  );
}

/** Of a whole operation; what a candidate does not ask of the server costs it nothing there. */
function processorTable({ timings }: Findings): string {
  const microseconds = (value: number): string => formatMilliseconds(value / 1_000);
  return table(
    ["operation", "candidate", "here", "in Redis"],
    workloads.flatMap(({ name, title }) =>
      (
        timings.find(
          ({ workload, delayMilliseconds, sessions }) =>
            workload === name && delayMilliseconds === LOOPBACK.delayMilliseconds && sessions === LOOPBACK.sessions,
        )?.results ?? []
      ).map(({ candidate, clientMicroseconds, serverMicroseconds }) => [
        title,
        candidate,
        microseconds(clientMicroseconds),
        candidate.includes(IN_MEMORY) ? "–" : microseconds(serverMicroseconds),
      ]),
    ),
  );
}

function candidatesOf(timings: readonly Timing[]): string[] {
  return timings[0]?.results.map(({ candidate }) => candidate) ?? [];
}

function conditionName({ delayMilliseconds, sessions }: Condition): string {
  const distance = delayMilliseconds === 0 ? "loopback" : `${delayMilliseconds} ms away`;
  return sessions === 1 ? distance : `${distance}, ${sessions} at once`;
}
