import type { ColdFindings } from "../cold/measure.js";
import { COMMUNITY } from "../workloads/names.js";
import { formatMilliseconds, formatRatio } from "./find.js";
import { table } from "./table.js";
import { verdict } from "./targets.js";

const LIMIT = 1.03;

/** The section of docs/benchmark.md on the start of a program. */
export function coldSection({ rounds, programs, ratio, byOrder }: ColdFindings): string {
  return [
    "## A cold start",
    `A whole process, as a serverless function begins: it imports ioredis and the library, connects, reads an empty conversation and appends a turn of two. Each program was started ${rounds} times in each order of its two imports, by turns; medians of both orders together. The target is ≤ ${LIMIT}× of ${COMMUNITY}: ${verdict(ratio, LIMIT)} (${byOrder.map((one) => `${one.order} ${formatRatio(one.ratio)}`).join(", ")}).`,
    table(
      ["", "a process", `÷ ${COMMUNITY}`],
      programs.map(({ candidate, milliseconds }) => [
        candidate,
        formatMilliseconds(milliseconds),
        candidate === COMMUNITY ? "–" : formatRatio(ratio),
      ]),
    ),
    "The order of two imports decides whether V8 collects garbage once more before the program begins. Such a collection takes some 30 ms, longer than this library takes to load. So either program can be the faster one, and a program with other imports is different again. Node 20 and 22 collect less: there, the same files took 1.09× and 1.08× (36 rounds, measured once). Bundled with esbuild into one file, a cold start took 1.10× of theirs, on Node 20 and 24 (280 and 370 ms, 30 rounds, measured once): their bundle leaves out zod, and this one has 252 kB more.",
    "What npm publishes is a few files, not one for each module: as one for each, the imports alone took 1.49× of theirs (21 pairs, measured once, on Node 20). Scripts, schemas and the comparison of message classes are made at their first use, not on loading. Schemas are made from the core of zod, which LangChain loads anyway: zod itself took 12 ms more. What is left is mostly the code of this package, which takes some 22 ms to load (medians of 15 processes each, Node 24). With `NODE_COMPILE_CACHE`, both programs start sooner: 613 ms in place of 664 here, 596 in place of 637 there, which is 1.03× (the same, measured once).",
  ].join("\n\n");
}
