import type { Findings, Timing } from "../run.js";
import { workloads } from "../plan.js";
import { IN_MEMORY, OURS, RAW } from "../workloads/names.js";
import { underHistory, withSession } from "../workloads/turn.js";
import { conditionName, formatMilliseconds, formatRatio } from "./find.js";
import { table } from "./table.js";

/** A ratio from which on this library counts as slower. */
const SLOWER = 1.05;

/** The operations in which this library takes longer than a package with the same purpose. */
export function slowerSection(findings: Findings): string {
  const rows = [...findings.timings.flatMap(slowerIn), ...coldRow(findings), ...lagRows(findings)];
  return [
    "## Where this library is slower",
    rows.length === 0
      ? "In no operation that was measured, beside the packages with the same purpose."
      : table(["operation", "beside", "where", "ratio"], rows),
  ].join("\n\n");
}

function slowerIn(timing: Timing): string[][] {
  const title = workloads.find(({ name }) => name === timing.workload)?.title ?? timing.workload;
  const ours = timing.results.find(({ candidate }) => candidate === OURS || candidate === withSession("allow"));
  return Object.entries(ours?.ratios ?? {})
    .filter(([peer, { value, low }]) => isPeer(peer) && value > SLOWER && low > 1)
    .map(([peer, ratio]) => [title, peer, conditionName(timing), formatRatio(ratio)]);
}

function isPeer(name: string): boolean {
  return name !== underHistory(OURS) && ![IN_MEMORY, RAW, "by hand"].some((none) => name.includes(none));
}

function coldRow({ cold }: Findings): string[][] {
  if (cold === undefined || cold.ratio.value <= SLOWER) return [];
  return [["[A cold start](#a-cold-start)", "@langchain/community", "a whole process", formatRatio(cold.ratio)]];
}

/** The lag of a follower is bounded by the window of batches, so it is told as a time. */
function lagRows({ answers }: Findings): string[][] {
  const ours = answers?.lags.find(({ candidate }) => candidate === OURS);
  return (answers?.lags ?? []).flatMap(({ candidate, p50 }) =>
    ours === undefined || p50 * SLOWER >= ours.p50
      ? []
      : [
          [
            "[How late a follower hears](#answers-in-flight)",
            candidate,
            "loopback, median",
            `${formatMilliseconds(p50)} → ${formatMilliseconds(ours.p50)}`,
          ],
        ],
  );
}
