import { BOTH, COMPRESSED, type Form, forms, PLAIN, SEALED } from "../private/forms.js";
import type { PrivateFindings } from "../private/measure.js";
import { formWorkloads, READ_LENGTH } from "../private/workloads.js";
import type { Ratio } from "../measure/statistics.js";
import type { Timing } from "../run.js";
import { formatMilliseconds, formatRatio } from "./find.js";
import { table } from "./table.js";
import { shown, verdict } from "./targets.js";

const about =
  "One history, stored plain, with `compress: true`, with `encryption`, and with both. The four take turns in one run, " +
  "with messages of the lengths of [Capacity](capacity.md). For bytes they are [English](capacity.md#compressed-and-sealed), " +
  "for times words that are made up, which no dictionary knows. Ratios are to plain. " +
  "What the options cost where they are off takes a version from before they existed, and was measured apart on 2026-11-29, on a " +
  "busy machine: without a keyring and without `compress`, on loopback, the calls of both versions by turns in one process. " +
  "Append of a turn 1.04×, read of 10 messages 1.00×, of 100 messages 1.01×, `verify` 1.03×, memory `get` 1.02× and `set` 1.08× " +
  "(the target is 1.00×; the same version twice is within 0.99× and 1.02×).";

const READ = `read-${READ_LENGTH}`;

/** The section of docs/benchmark.md on encryption and compression. */
export function privateSection(findings: PrivateFindings): string {
  const { machine, sizes, timings, roundTrips } = findings;
  const plain = sizes.find(({ form }) => form === PLAIN);
  return [
    "## Encryption and compression",
    about,
    `${machine.date}: ${machine.cpu}, ${machine.cores} cores; Node ${machine.node}, Redis ${machine.redis}. In the minute before, the load of the machine was ${machine.load.toFixed(1)}.`,
    targets(findings),
    `Bytes of a message: \`MEMORY USAGE\` of the lists of ${amount(plain?.conversations ?? 0)} conversations by their ${amount(plain?.messages ?? 0)} messages, of which ${amount(plain?.textBytes ?? 0)} B each are text. A data key is one for each user, and for each history that stands alone.`,
    table(
      ["stored", "a message", `÷ ${PLAIN}`, "a data key"],
      sizes.map(({ form, messageBytes, dataKeyBytes }) => [
        form,
        `${amount(messageBytes)} B`,
        form === PLAIN ? "–" : `${(messageBytes / (plain?.messageBytes ?? Number.NaN)).toFixed(2)}×`,
        dataKeyBytes === 0 ? "–" : `${amount(dataKeyBytes)} B`,
      ]),
    ),
    "Median (p99) of a call of a process that knows the data key, and its processor time here and in Redis.",
    table(
      ["", "stored", "time", `÷ ${PLAIN}`, "here", "in Redis"],
      timings.flatMap((timing) =>
        timing.results.map(({ candidate, median, p99, ratios, clientMicroseconds, serverMicroseconds }) => [
          timingName(timing),
          candidate,
          `${formatMilliseconds(median)} (${formatMilliseconds(p99)})`,
          ratios[PLAIN] ? formatRatio(ratios[PLAIN]) : "–",
          formatMilliseconds(clientMicroseconds / 1_000),
          formatMilliseconds(serverMicroseconds / 1_000),
        ]),
      ),
    ),
    "Round trips of a call, counted at the wire. Cold is the first call of a process that does not know the data key; the first append of all also makes the key.",
    table(
      ["stored", "read", "read, cold", "append", "append, cold", "first append of all"],
      roundTrips.map(({ form, read, coldRead, append, coldAppend, firstAppend }) =>
        [form, read, coldRead, append, coldAppend, firstAppend].map(String),
      ),
    ),
  ].join("\n\n");
}

type Row = readonly [what: string, limit: number | undefined, ratio: Ratio | undefined];

function targets({ sizes, timings }: PrivateFindings): string {
  const bytes = (form: Form): number => sizes.find((one) => one.form === form)?.messageBytes ?? Number.NaN;
  const weighed = (form: Form): Ratio => {
    const value = bytes(form) / bytes(PLAIN);
    return { value, low: value, high: value };
  };
  const limits: Partial<Record<Form, readonly [loopback: number, away: number]>> = {
    [COMPRESSED]: [2, 1.15],
    [SEALED]: [1.5, 1.05],
  };
  const rows: readonly Row[] = [
    [`Bytes of a message, ${COMPRESSED}`, 0.45, weighed(COMPRESSED)],
    [`Bytes of a message, ${SEALED}`, undefined, weighed(SEALED)],
    [`Bytes of a message, ${BOTH}`, undefined, weighed(BOTH)],
    ...timings
      .filter(({ workload }) => workload === READ)
      .flatMap((timing) =>
        forms
          .filter((form) => form !== PLAIN)
          .map((form): Row => {
            const limit = limits[form]?.[timing.delayMilliseconds === 0 ? 0 : 1];
            const result = timing.results.find(({ candidate }) => candidate === form);
            return [`${timingName(timing)}, ${form}`, limit, result?.ratios[PLAIN]];
          }),
      ),
  ];
  return table(
    [`÷ ${PLAIN}`, "target", "measured", ""],
    rows.flatMap(([what, limit, ratio]) => {
      if (ratio === undefined) return [];
      return [[what, limit === undefined ? "–" : `≤ ${limit}×`, shown(ratio), limit ? verdict(ratio, limit) : ""]];
    }),
  );
}

function timingName({ workload, delayMilliseconds }: Timing): string {
  const title = formWorkloads.find(({ name }) => name === workload)?.title ?? workload;
  return `${title}, ${delayMilliseconds === 0 ? "loopback" : `${delayMilliseconds} ms away`}`;
}

function amount(value: number): string {
  return Math.round(value).toLocaleString("en");
}
