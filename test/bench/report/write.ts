import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Findings } from "../run.js";
import { toChart } from "./chart.js";
import { headlineTable } from "./headline.js";
import { toMarkdown } from "./markdown.js";

/** Writes what was found, and what is made of it. */
export function writeReport(findings: Findings, folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "benchmark.json"), toJson(findings));
  renderReport(folder);
}

/** Makes the page and the chart anew of the results that are there. */
export function renderReport(folder: string): void {
  const findings = readFindings(folder);
  writeFileSync(path.join(folder, "benchmark.md"), toMarkdown(findings));
  writeFileSync(path.join(folder, "benchmark.svg"), toChart(findings));
}

export function readFindings(folder: string): Findings {
  return JSON.parse(readFileSync(path.join(folder, "benchmark.json"), "utf8")) as Findings;
}

/** Puts the table into the README, in the place of the one that is there. */
export function renderReadme(readme: string, findings: Findings): string {
  return readme.replace(/(<!-- benchmark -->\n)[^]*?(\n<!-- \/benchmark -->)/, `$1${headlineTable(findings)}$2`);
}

/** Small enough for a repository: four digits a number, one line a comparison. */
function toJson(findings: Findings): string {
  const text = JSON.stringify(findings, (_key, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value,
  );
  const lines = text
    .replaceAll(/(\{"(?:workload|what|operation|command|turns|form|kind)":)/g, "\n$1")
    .replaceAll(
      /,("(?:timings|cpu|bytes|roundTrips|slow|graphs|answers|private|cold|telemetry|sizes|pings|plan)":[[{])/g,
      ",\n$1",
    );
  return `${lines}\n`;
}
