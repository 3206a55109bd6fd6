import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Findings } from "../run.js";

/** Writes what was found, and what is made of it. */
export function writeReport(findings: Findings, folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "capacity.json"), toJson(findings));
  renderReport(folder);
}
export function renderReport(_folder: string): void {}
export function readFindings(folder: string): Findings {
  return JSON.parse(readFileSync(path.join(folder, "capacity.json"), "utf8")) as Findings;
}
export function renderReadme(readme: string, _: Findings): string { return readme; }
/** Small enough for a repository: six digits a number, one line a part. */
function toJson(findings: Findings): string {
  const text = JSON.stringify(findings, (_key, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value,
  );
  const lines = text
    .replaceAll(/(\{"(?:topology|call|scenario|setting|kind)":)/g, "\n$1")
    .replaceAll(/,("(?:plan|world|topologies|inspected|parameters|calls|settings|simulation|sizes|turns)":[[{])/g, ",\n$1");
  return `${lines}\n`;
}
