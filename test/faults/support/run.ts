import { appendFileSync, writeFileSync } from "node:fs";
import { inject } from "vitest";
import { type Choices, seeded } from "../../sessions/support/seeded.js";

declare module "vitest" {
  interface ProvidedContext {
    /** Where a whole run collects what it counted, and tells how far it is; absent in `npm run test:programs`. */
    faultRun: { readonly report: string; readonly progress: string } | undefined;
  }
}

const run = inject("faultRun");

/** A whole run (`npm run test:faults`), or the short part of it in `npm run test:programs`. */
export const whole = run !== undefined;
const SCALE = Number(process.env["SCALE"] ?? 1);
const SEED = Number(process.env["SEED"] ?? 20_261_121);

/** So often in `npm run test:programs`, so often in `npm run test:faults`; SCALE makes that less. */
export function amount(short: number, long: number): number {
  return whole ? Math.max(short, Math.round(long * SCALE)) : short;
}

export function choicesFor(name: string): Choices {
  let mixed = SEED;
  for (const character of name) mixed = Math.imul(mixed, 31) + (character.codePointAt(0) ?? 0);
  return seeded(mixed);
}

/** One line of the report: what was done to whom, and what came of it. */
export type Row = Readonly<Record<string, string | number>>;

/** Adds to a section of docs/reliability.md; the sections are in report-setup.ts. */
export function report(section: string, ...rows: readonly Row[]): void {
  if (run) appendFileSync(run.report, rows.map((row) => `${JSON.stringify({ section, row })}\n`).join(""));
}

let told = 0;

export function progress(what: string, done: number, of: number): void {
  if (!run || Date.now() - told < 500) return;
  told = Date.now();
  writeFileSync(run.progress, `${what}: ${done} of ${of}`);
}
