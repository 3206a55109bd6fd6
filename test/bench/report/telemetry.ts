import type { Timing } from "../run.js";
import { OBSERVED, UNOBSERVED } from "../telemetry/measure.js";
import { formatMilliseconds, formatRatio } from "./find.js";
import { table } from "./table.js";
import { verdict } from "./targets.js";

const LIMIT = 1.1;

/** The section of docs/benchmark.md on spans and metrics. */
export function telemetrySection(timings: readonly Timing[]): string {
  const rows = timings.map(({ delayMilliseconds, results }) => {
    const found = (name: string) => results.find(({ candidate }) => candidate === name);
    return {
      delayMilliseconds,
      without: found(UNOBSERVED),
      with: found(OBSERVED),
      ratio: found(OBSERVED)?.ratios[UNOBSERVED],
    };
  });
  const far = rows.find(({ delayMilliseconds }) => delayMilliseconds === 1)?.ratio;
  return [
    "## Telemetry",
    `An append of a turn of two with spans and metrics of \`instrument()\`, with the SDK of OpenTelemetry and an exporter that sends nothing. The target is ≤ ${LIMIT}× at 1 ms${far === undefined ? "" : `: ${verdict(far, LIMIT)}`}.`,
    table(
      ["", UNOBSERVED, OBSERVED, "ratio"],
      rows.map(({ delayMilliseconds, without, with: observed, ratio }) => [
        delayMilliseconds === 0 ? "loopback" : `${delayMilliseconds} ms away`,
        formatMilliseconds(without?.median ?? Number.NaN),
        formatMilliseconds(observed?.median ?? Number.NaN),
        ratio === undefined ? "–" : formatRatio(ratio),
      ]),
    ),
  ].join("\n\n");
}
