import { randomInt } from "node:crypto";
import fc from "fast-check";

const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31 - 1));

/** Options of fast-check: a run has a seed of its own, and one that fails says how to repeat it. */
export const freshSeed = {
  seed,
  reporter: <Values>(run: fc.RunDetails<Values>): void => {
    if (!run.failed) return;
    throw new Error(`Repeat it with SEED=${seed}. ${fc.defaultReportMessage(run)}`, { cause: run.errorInstance });
  },
};

/** Options of a control: what finds its fault is the same in each run, so that it is found, and takes as long. */
export const sameSeed = { seed: 20_261_129 };
