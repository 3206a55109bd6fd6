import type { Ratio } from "../measure/statistics.js";
import type { Findings } from "../run.js";
import { COMMUNITY, OURS, RAW } from "../workloads/names.js";
import { formatRatio, LOOPBACK, ONE_MILLISECOND, resultOf } from "./find.js";
import { table } from "./table.js";

/** What was set out to be reached, beside what is. */
export function targetTable(findings: Findings): string {
  const timed = (workload: string, other: string, condition = LOOPBACK): Ratio | undefined =>
    resultOf(findings, workload, condition, OURS).ratios[other];
  const encode = findings.cpu.find(({ what, candidate }) => what === "encode" && candidate === OURS)?.ratio;
  const rows: [what: string, limit: number, ratio: Ratio | undefined][] = [
    [`Append a turn ÷ ${COMMUNITY}, loopback`, 0.45, timed("append", COMMUNITY)],
    [`Append a turn ÷ ${COMMUNITY}, 1 ms away`, 0.3, timed("append", COMMUNITY, ONE_MILLISECOND)],
    ["Encode a message ÷ JSON.stringify(message.toDict()), processor time", 0.35, encode],
    [`Read 100 messages ÷ ${RAW} (LRANGE and JSON.parse)`, 1.25, timed("read-100", RAW)],
    [`Read 1,000 messages ÷ ${RAW}`, 1.25, timed("read-1000", RAW)],
    [`Read 10,000 messages ÷ ${RAW}`, 1.25, timed("read-10000", RAW)],
    ...findings.bytes
      .filter(({ what, candidate }) => what.endsWith("messages") && candidate === OURS)
      .map(({ what, bytes, twoMinutes }): [string, number, Ratio] => {
        const peer = findings.bytes.find((row) => row.what === what && row.candidate === COMMUNITY)?.bytes ?? 0;
        const value = (bytes - twoMinutes) / peer;
        return [`Bytes of ${what}, two minutes later ÷ ${COMMUNITY}`, 0.93, { value, low: value, high: value }];
      }),
  ];
  return table(
    ["", "target", "measured", ""],
    rows.flatMap(([what, limit, ratio]) =>
      ratio === undefined ? [] : [[what, `≤ ${limit}×`, shown(ratio), verdict(ratio, limit)]],
    ),
  );
}

/** Bytes are counted, and have no interval. */
function shown(ratio: Ratio): string {
  return ratio.low === ratio.high ? `${ratio.value.toFixed(2)}×` : formatRatio(ratio);
}

function verdict({ value, low, high }: Ratio, limit: number): string {
  if (high <= limit) return "reached";
  if (low > limit) return "not reached";
  return value <= limit ? "reached, within the noise" : "not reached, within the noise";
}
