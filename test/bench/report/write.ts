import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Findings } from "../run.js";

export function writeReport(findings: Findings, folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "benchmark.json"), toJson(findings));
}

/** Small enough for a repository: four digits a number, one line a comparison. */
export function toJson(findings: Findings): string {
  const text = JSON.stringify(findings, (_key, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value,
  );
  return `${text.replaceAll(/(\{"(?:workload|what|operation)":)/g, "\n$1").replaceAll(/(,"(?:timings|cpu|bytes|roundTrips|pings|plan)":)/g, "\n$1")}\n`;
}
