import type { Result } from "../measure/compare.js";
import { workloads } from "../plan.js";
import type { Findings, Timing } from "../run.js";
import { IN_MEMORY, RAW } from "../workloads/names.js";
import { answerSection } from "./answers.js";
import { conditionName, formatMilliseconds, formatRatio, LOOPBACK } from "./find.js";
import { coldSection } from "./cold.js";
import { graphSection } from "./graphs.js";
import { headlineTable } from "./headline.js";
import { privateSection } from "./private.js";
import { slowerSection } from "./slower.js";
import { howItIsMeasured, whatBoundsIt } from "./prose.js";
import { table } from "./table.js";
import { targetTable } from "./targets.js";
import { telemetrySection } from "./telemetry.js";

/** docs/benchmark.md. */
export function toMarkdown(findings: Findings): string {
  const comparisons = workloads.map(({ name, title }) => {
    const timings = findings.timings.filter(({ workload }) => workload === name);
    return [`### ${title}`, folded("Times and ratios", [timingTable(timings), ratioTable(timings)])].join("\n\n");
  });
  return `${[
    "# Benchmark",
    "Written by `npm run bench`; the raw results are in `benchmark.json`.",
    "![Times of this library beside its peers](benchmark.svg)",
    headlineTable(findings),
    slowerSection(findings),
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
    "Each table of times gives the median (p99) of one operation as its session sees it, and the operations a second of " +
      "all sessions together. Each table of ratios divides the time of one candidate by that of another, with the 95 % " +
      "interval.",
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
    "The time of this program and of the Redis process, the kernel's part included: on loopback, one operation at a time, " +
      "in the median round.",
    folded("Every operation", [processorTable(findings)]),
    "## What kept the server for more than a millisecond",
    "`SLOWLOG` during the measurements, for all candidates together. Only this library uses EVALSHA. A command within a " +
      "slow script is counted beside the script. Where a command that does next to nothing (HGET, TIME) took " +
      "milliseconds, the server had lost the processor: there were more processes than cores.",
    folded("Slow commands", [
      table(
        ["command", "times", "longest"],
        findings.slow.map(({ command, times, longestMilliseconds }) => [
          command,
          times.toLocaleString("en"),
          formatMilliseconds(longestMilliseconds),
        ]),
      ),
    ]),
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

/** Returns parts of the page that a reader opens. */
function folded(summary: string, parts: readonly string[]): string {
  return ["<details>", `<summary>${summary}</summary>`, ...parts, "</details>"].join("\n\n");
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

/** Returns the table of processor times. */
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
