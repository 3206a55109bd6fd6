import type { GraphFindings, GraphTiming } from "../graphs/measure.js";
import { MEMORY_SAVER, OFFICIAL } from "../graphs/savers.js";
import type { Ratio } from "../measure/statistics.js";
import { OURS } from "../workloads/names.js";
import { formatKilobytes, formatMilliseconds, formatRatio } from "./find.js";
import { table } from "./table.js";

const about =
  "`createAgent` with one call of a tool a turn: four messages, about 1.2 kB of text; a scripted model. Stored: " +
  "`MEMORY USAGE` of every key; of MemorySaver, what it serialised; of SQLite, its pages. Sent and commands are of the " +
  "turn after which they are given; what a turn added is the mean of the latest half. Each script is timed in three " +
  "conversations, and its shortest time counts: in the others, the server may have lost the processor. The official " +
  "Redis saver needs RedisJSON and RediSearch. Here it is on a Redis without them: a document is a plain string, and an " +
  "index is there by name only. So its commands are exact, and its times lack what the modules would do.";

/** The section of docs/benchmark.md on LangGraph's savers. */
export function graphSection({ machine, growth, timings }: GraphFindings): string {
  return [
    "## LangGraph",
    about,
    `${machine.date}: ${machine.cpu}, ${machine.cores} cores; Node ${machine.node}, Redis ${machine.redis}. In the minute before, the load of the machine was ${machine.load.toFixed(1)}.`,
    targets({ growth, timings }),
    table(
      ["saver", "turns", "stored", "added by a turn", "sent in a turn", "commands in a turn", "scripts, p99 (longest)"],
      growth.map(({ candidate, turns, bytes, added, sent, commands, scripts }) => [
        candidate,
        String(turns),
        formatKilobytes(bytes),
        formatKilobytes(added),
        sent === undefined ? "–" : formatKilobytes(sent),
        commands === undefined ? "–" : String(commands),
        scripts?.longest ? `${formatMilliseconds(scripts.p99)} (${formatMilliseconds(scripts.longest)})` : "–",
      ]),
    ),
    "A turn of a conversation that has had so many turns: median (p99), and how many times as long as with the other savers.",
    table(
      ["", "saver", "time", `÷ ${MEMORY_SAVER}`, `÷ ${OFFICIAL}`],
      timings.flatMap((timing) =>
        timing.results.map(({ candidate, median, p99, ratios }) => [
          timingName(timing),
          candidate,
          `${formatMilliseconds(median)} (${formatMilliseconds(p99)})`,
          ...[MEMORY_SAVER, OFFICIAL].map((other) => (ratios[other] ? formatRatio(ratios[other]) : "–")),
        ]),
      ),
    ),
  ].join("\n\n");
}

type Row = readonly [what: string, limit: number, measured: number | undefined, unit: string];

/** What was set out to be reached. */
function targets({ growth, timings }: Omit<GraphFindings, "machine">): string {
  const ours = growth.filter(({ candidate }) => candidate === OURS);
  const [first, last] = [ours[0], ours.at(-1)];
  const ratio = (length: number | undefined, delayed: boolean, other: string): Ratio | undefined =>
    timings
      .find(({ turns, delayMilliseconds }) => turns === length && delayMilliseconds > 0 === delayed)
      ?.results.find(({ candidate }) => candidate === OURS)?.ratios[other];
  const delayed = timings.find(({ delayMilliseconds }) => delayMilliseconds > 0);
  const rows: readonly Row[] = [
    ["Commands in a turn with one call of a tool", 10, last?.commands, ""],
    [`Stored after ${last?.turns} turns`, 20 * (last?.turns ?? 0), last && last.bytes / 1_000, "kB"],
    [`Added by a turn around the ${last?.turns}th`, 20, last && last.added / 1_000, "kB"],
    [`The same ÷ around the ${first?.turns}th`, 1.15, first && last && last.added / first.added, ""],
    [`Sent in turn ${last?.turns}`, 20, last?.sent && last.sent / 1_000, "kB"],
    [`Longest script of ${last?.turns} turns`, 2, last?.scripts?.longest, "ms"],
    [`A turn after ${first?.turns} turns ÷ ${MEMORY_SAVER}`, 1.6, ratio(first?.turns, false, MEMORY_SAVER)?.value, ""],
    [`A turn after ${last?.turns} turns ÷ ${MEMORY_SAVER}`, 1.3, ratio(last?.turns, false, MEMORY_SAVER)?.value, ""],
    [
      `A turn ${delayed?.delayMilliseconds} ms away ÷ ${OFFICIAL}`,
      0.45,
      ratio(delayed?.turns, true, OFFICIAL)?.value,
      "",
    ],
  ];
  return table(
    ["", "target", "measured", ""],
    rows.flatMap(([what, limit, measured, unit]) => {
      if (measured === undefined) return [];
      const shown = (value: number): string => `${Number(value.toPrecision(3))} ${unit}`.trim();
      return [[what, `≤ ${shown(limit)}`, shown(measured), measured <= limit ? "reached" : "not reached"]];
    }),
  );
}

function timingName({ turns, delayMilliseconds }: GraphTiming): string {
  return `${turns} turns, ${delayMilliseconds === 0 ? "loopback" : `${delayMilliseconds} ms away`}`;
}
