import { table } from "../../bench/report/table.js";
import { assumptions } from "../model/assumptions.js";
import type { Findings } from "../run.js";
import { needOf } from "../model/capacity.js";
import { measuredOf, needsOf } from "./derived.js";
import { bytes, count, digits, large } from "./format.js";

/** The short answer. */
export function answerTable(findings: Findings): string {
  const measured = measuredOf(findings);
  const larger = { ...assumptions, shardGiB: 4 * assumptions.shardGiB };
  return table(
    [
      "conversations",
      "memory",
      `shards of ${assumptions.shardGiB} GiB`,
      "nodes",
      "bound by",
      `shards of ${larger.shardGiB} GiB`,
      "turns a second, peak",
      "network in, out, peak",
    ],
    needsOf(findings).map((need) => [
      large(need.conversations),
      bytes(need.bytes),
      count(need.shards),
      count(need.nodes),
      `${need.bound} (${count(need.shardsByMemory)}; processor time: ${count(need.shardsByCpu)})`,
      count(needOf(need.conversations, measured, larger).shards),
      digits(need.peakTurnsPerSecond),
      `${bytes(need.peakBytesIn)}/s, ${bytes(need.peakBytesOut)}/s`,
    ]),
  );
}

/** The README's lines. */
export function headline(findings: Findings): string {
  const needs = needsOf(findings);
  const [first, , third] = needs;
  if (first === undefined || third === undefined) return "";
  const { average } = first;
  return `A conversation of ${digits(average.turns)} turns takes ${bytes(first.bytes / first.conversations)}: ${large(first.conversations)} of them ${bytes(first.bytes)}, on ${count(first.shards)} ${first.shards === 1 ? "server" : "shards"} of ${assumptions.shardGiB} GiB;
${large(third.conversations)} ${bytes(third.bytes)}, on ${count(third.shards)} shards (${count(third.nodes)} nodes with a replica each). Memory decides: processor time alone would need ${count(third.shardsByCpu)}.
[docs/capacity.md](docs/capacity.md) has what is assumed, the check against ${count(findings.plan.conversations)} stored conversations, and what to set.
`;
}
