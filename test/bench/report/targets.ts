import type { Ratio } from "../measure/statistics.js";
import type { Bytes } from "../counts/bytes.js";
import type { Findings } from "../run.js";
import { COMMUNITY, OURS, RAW } from "../workloads/names.js";
import { formatRatio, LOOPBACK, ONE_MILLISECOND, resultOf } from "./find.js";
import { table } from "./table.js";

/** What was set out to be reached, beside what is. */
export function targetTable(findings: Findings): string {
  const timed = (workload: string, other: string, condition = LOOPBACK): Ratio | undefined =>
    resultOf(findings, workload, condition, OURS).ratios[other];
  const encode = findings.cpu.find(({ what, candidate }) => what === "encode" && candidate === OURS)?.ratio;
  const rows: Row[] = [
    [`Append a turn ÷ ${COMMUNITY}, loopback`, 0.45, timed("append", COMMUNITY)],
    [`Append a turn ÷ ${COMMUNITY}, 1 ms away`, 0.3, timed("append", COMMUNITY, ONE_MILLISECOND)],
    ["Encode a message ÷ JSON.stringify(message.toDict()), processor time", 0.35, encode],
    [`Read 100 messages ÷ ${RAW} (LRANGE and JSON.parse)`, 1.25, timed("read-100", RAW)],
    [`Read 1,000 messages ÷ ${RAW}`, 1.25, timed("read-1000", RAW)],
    [`Read 10,000 messages ÷ ${RAW}`, 1.25, timed("read-10000", RAW)],
    ...bytesRows(findings.bytes),
  ];
  return table(
    ["", "target", "measured", ""],
    rows.flatMap(([what, limit, ratio]) =>
      ratio === undefined ? [] : [[what, `≤ ${limit}×`, shown(ratio), verdict(ratio, limit)]],
    ),
  );
}

type Row = [what: string, limit: number, ratio: Ratio | undefined];

/** Of whole conversations, whose key is longer here; and what a message adds, between the shortest and the longest. */
function bytesRows(bytes: readonly Bytes[]): Row[] {
  const conversations = (name: string): Bytes[] =>
    bytes.filter(({ what, candidate }) => what.endsWith("messages") && candidate === name);
  const lasting = (one: Bytes | undefined): number => (one === undefined ? 0 : one.bytes - one.twoMinutes);
  const added = (ofOne: Bytes[]): number => lasting(ofOne.at(-1)) - lasting(ofOne[0]);
  const row = (what: string, here: number, there: number): Row => {
    const value = here / there;
    return [`Bytes ${what}, two minutes later ÷ ${COMMUNITY}`, 0.93, { value, low: value, high: value }];
  };
  const [ours, theirs] = [conversations(OURS), conversations(COMMUNITY)];
  return [
    ...(ours.length > 1 ? [row("that a message adds", added(ours), added(theirs))] : []),
    ...ours.map((one, index) => row(`of ${one.what}`, lasting(one), lasting(theirs[index]))),
  ];
}

/** Bytes are counted, and have no interval. */
export function shown(ratio: Ratio): string {
  return ratio.low === ratio.high ? `${ratio.value.toFixed(2)}×` : formatRatio(ratio);
}

export function verdict({ value, low, high }: Ratio, limit: number): string {
  if (high <= limit) return "reached";
  if (low > limit) return "not reached";
  return value <= limit ? "reached, within the noise" : "not reached, within the noise";
}
