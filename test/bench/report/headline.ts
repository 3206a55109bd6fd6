import type { Findings } from "../run.js";
import { COMMUNITY, EXPRESS_SESSION, OURS } from "../workloads/names.js";
import { underHistory, withSession } from "../workloads/turn.js";
import { formatMilliseconds, formatRatio, LOOPBACK, ONE_MILLISECOND, resultOf } from "./find.js";

const rows = [
  { what: "Append a turn of two", workload: "append", ours: OURS, peer: COMMUNITY },
  { what: "Read 100 messages", workload: "read-100", ours: OURS, peer: COMMUNITY },
  { what: "A whole turn, instant model", workload: "turn", ours: withSession("allow"), peer: underHistory(COMMUNITY) },
  { what: "Verify a session", workload: "verify", ours: OURS, peer: EXPRESS_SESSION },
];

/** The README's table. */
export function headlineTable(findings: Findings): string {
  const lines = rows.map(({ what, workload, ours, peer }) => {
    const cells = [LOOPBACK, ONE_MILLISECOND].flatMap((condition) => {
      const here = resultOf(findings, workload, condition, ours);
      const there = resultOf(findings, workload, condition, peer);
      const ratio = here.ratios[peer];
      return [
        `${formatMilliseconds(there.median)} → ${formatMilliseconds(here.median)}`,
        ratio === undefined ? "–" : formatRatio(ratio),
      ];
    });
    return `| ${[what, peer.replace("RunnableWithMessageHistory, ", ""), ...cells].join(" | ")} |`;
  });
  return ["| | beside | loopback | ratio | 1 ms away | ratio |", "|---|---|---|---|---|---|", ...lines, ""].join("\n");
}
