// `npm run bench`: what this library costs beside its peers, beside what Redis and JSON cost anyway (the limit), and
// beside no store at all (the floor). Writes docs/benchmark.{json,md,svg} and the README's table. `-- --quick` takes less
// than a minute and writes nothing.
import path from "node:path";
import { parseArgs } from "node:util";
import { fullPlan, quickPlan, smokePlan } from "./plan.js";
import { headlineTable } from "./report/headline.js";
import { writeReport } from "./report/write.js";
import { runBenchmark } from "./run.js";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
    sources: { type: "boolean", default: false },
    out: { type: "string" },
  },
});

const findings = await runBenchmark(values.smoke ? smokePlan : values.quick ? quickPlan : fullPlan);
console.log(headlineTable(findings));
const folder = values.out ?? (values.quick || values.smoke ? undefined : path.join(import.meta.dirname, "../../docs"));
if (folder !== undefined) writeReport(findings, folder);
// The client pool of @langchain/redis would keep the program running.
process.exit();
