import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readFindings as readBenchmark } from "../../bench/report/write.js";
import type { Findings } from "../run.js";
import { headline } from "./answer.js";
import { toChart } from "./chart.js";
import { toMarkdown } from "./markdown.js";

const docs = path.join(import.meta.dirname, "../../../docs");

/** Writes what was found, and what is made of it. */
export function writeReport(findings: Findings, folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "capacity.json"), toJson(findings));
  renderReport(folder);
}

/** Makes the page and the chart anew of the results that are there. */
export function renderReport(folder: string): void {
  const findings = readFindings(folder);
  writeFileSync(path.join(folder, "capacity.md"), renderPage(findings));
  writeFileSync(path.join(folder, "capacity.svg"), toChart(findings));
}

export function renderPage(findings: Findings): string {
  const turn = readBenchmark(docs).roundTrips.find(({ operation }) => operation === "verified-turn");
  return toMarkdown(findings, turn?.roundTrips ?? Number.NaN);
}

export function readFindings(folder: string): Findings {
  return JSON.parse(readFileSync(path.join(folder, "capacity.json"), "utf8")) as Findings;
}

/** Puts the lines into the README, in the place of those that are there. */
export function renderReadme(readme: string, findings: Findings): string {
  return readme.replace(/(<!-- capacity -->\n)[^]*?(\n<!-- \/capacity -->)/, `$1${headline(findings)}$2`);
}

/** Small enough for a repository: six digits a number, one line a part. */
function toJson(findings: Findings): string {
  const text = JSON.stringify(findings, (_key, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value,
  );
  const lines = text
    .replaceAll(/(\{"(?:topology|call|scenario|setting|kind|form)":)/g, "\n$1")
    .replaceAll(
      /,("(?:plan|world|topologies|inspected|parameters|calls|replication|settings|simulation|sizes|turns|forms)":[[{])/g,
      ",\n$1",
    );
  return `${lines}\n`;
}
