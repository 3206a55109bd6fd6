// Starts the report of a whole run, shows how far it is, and writes docs/reliability.md in the end.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import type { Row } from "./run.js";
import { closing, opening, type Section, sections } from "./report-text.js";

/** A table of more rows is folded. */
const FOLDED_ROWS = 40;

const root = path.join(import.meta.dirname, "../../..");

export function setup(project: TestProject): () => void {
  const folder = mkdtempSync(path.join(tmpdir(), "faults-"));
  const run = { report: path.join(folder, "report.jsonl"), progress: path.join(folder, "progress") };
  project.provide("faultRun", run);
  const began = Date.now();
  let shown = "";
  const timer = setInterval(
    () => {
      const now = existsSync(run.progress) ? readFileSync(run.progress, "utf8") : "";
      if (now === shown) return;
      shown = now;
      const line = `  ${Math.round((Date.now() - began) / 1_000)} s  ${now}`;
      process.stderr.write(process.stderr.isTTY ? `\r\u001B[K${line}` : `${line}\n`);
    },
    process.stderr.isTTY ? 500 : 10_000,
  );
  return () => {
    clearInterval(timer);
    if (existsSync(run.report)) write(readFileSync(run.report, "utf8"), Date.now() - began);
    rmSync(folder, { recursive: true, force: true });
  };
}

/** What one run found of one section; `facts` says which run. */
interface Finding {
  readonly facts: string;
  readonly rows: readonly Row[];
}

/** Replaces what an earlier run found of the same sections, and leaves the others: parts can be run by themselves. */
function write(report: string, milliseconds: number): void {
  const kept = path.join(root, "docs/reliability.json");
  const findings = (existsSync(kept) ? JSON.parse(readFileSync(kept, "utf8")) : {}) as Record<string, Finding>;
  const rows = new Map<string, Row[]>();
  for (const line of report.trim().split("\n")) {
    const { section, row } = JSON.parse(line) as { section: string; row: Row };
    rows.set(section, [...(rows.get(section) ?? []), row]);
  }
  const { SEED = "20261121", SCALE = "1" } = process.env;
  const facts = [
    `seed ${SEED}`,
    SCALE === "1" ? "all counts as asked for" : `counts scaled by ${SCALE}`,
    versionOf("redis-server"),
    `Node ${process.versions.node}`,
    `ioredis ${versionIn("ioredis")}`,
    `@langchain/core ${versionIn("@langchain/core")}`,
    `${cpus().length} × ${cpus()[0]?.model.trim() ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    `a run of ${Math.ceil(milliseconds / 60_000)} min on ${new Date().toISOString().slice(0, 10)}`,
  ].join("; ");
  for (const [section, found] of rows) findings[section] = { facts, rows: found };
  const known = sections.flatMap(({ id }) => (findings[id] ? [[id, findings[id]] as const] : []));
  writeFileSync(kept, `${JSON.stringify(Object.fromEntries(known), null, 1)}\n`);
  const page = [opening, ...sections.map((section) => rendered(section, findings[section.id])), closing];
  writeFileSync(path.join(root, "docs/reliability.md"), `${page.join("\n\n")}\n`);
  process.stderr.write("\nWritten: docs/reliability.md\n");
}

function rendered({ title, text }: Section, finding: Finding | undefined): string {
  if (finding === undefined) return `## ${title}\n\n${text}\n\n*Not run.*`;
  const { rows, facts } = finding;
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: string | number | undefined): string =>
    typeof value === "number" ? value.toLocaleString("en") : (value ?? "");
  const lines = [columns, columns.map(() => "---"), ...rows.map((row) => columns.map((name) => cell(row[name])))];
  const whole = lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
  const table =
    rows.length > FOLDED_ROWS ? `<details>\n<summary>${rows.length} rows</summary>\n\n${whole}\n\n</details>` : whole;
  return `## ${title}\n\n${text}\n\n${table}\n\n*${facts}*`;
}

function versionOf(program: string): string {
  try {
    return `Redis ${/v=(\S+)/.exec(execFileSync(program, ["--version"], { encoding: "utf8" }))?.[1] ?? "?"}`;
  } catch {
    return "Redis in a container";
  }
}

function versionIn(name: string): string {
  const file = path.join(root, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
