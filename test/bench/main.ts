// `npm run bench`: what this library costs beside its peers, beside what Redis and JSON cost anyway (the limit), and
// beside no store at all (the floor). Writes docs/benchmark.{json,md,svg} and the README's table.
//
//   npm run bench -- --quick    less than a minute; writes nothing
//   npm run bench -- --report   measures nothing: writes anew what is made of docs/benchmark.json
//   npm run bench -- --graphs   agents with a checkpointer only; the rest of docs/benchmark.json stays
//   npm run bench -- --others   all but graphs and answers, which stay: SQLite's package is compiled for one version of Node
//   npm run bench -- --answers  answers in flight only; the rest stays. With --quick, it prints its section and writes nothing
//   npm run bench -- --private  encryption and compression only; the same
//   npm run bench -- --cold     cold starts only; the same
//   npm run bench -- --telemetry  spans and metrics only; the same
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { startRedis } from "langchain-redis-sessions/testing";
import { fullPlan, quickPlan, smokePlan } from "./plan.js";
import { measureAnswers } from "./answers/measure.js";
import { measureCold } from "./cold/measure.js";
import { measurePrivate } from "./private/measure.js";
import { answerSection } from "./report/answers.js";
import { coldSection } from "./report/cold.js";
import { headlineTable } from "./report/headline.js";
import { measureGraphs } from "./graphs/measure.js";
import { seededRandom } from "./measure/random.js";
import { privateSection } from "./report/private.js";
import { telemetrySection } from "./report/telemetry.js";
import { readFindings, renderReadme, renderReport, writeReport } from "./report/write.js";
import { measureTelemetry } from "./telemetry/measure.js";
import { runBenchmark, SEED } from "./run.js";

const root = path.join(import.meta.dirname, "../..");
const docs = path.join(root, "docs");
const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
    graphs: { type: "boolean", default: false },
    others: { type: "boolean", default: false },
    answers: { type: "boolean", default: false },
    private: { type: "boolean", default: false },
    cold: { type: "boolean", default: false },
    telemetry: { type: "boolean", default: false },
    // For a test: hardly anything is measured; of the sources, not of what is built; written to another folder.
    smoke: { type: "boolean", default: false },
    sources: { type: "boolean", default: false },
    out: { type: "string" },
  },
});

const plan = values.smoke ? smokePlan : values.quick ? quickPlan : fullPlan;

if (values.graphs) {
  writeReport(
    { ...readFindings(docs), graphs: await measureGraphs(fullPlan.graphs, fullPlan, seededRandom(SEED)) },
    docs,
  );
} else if (values.answers) {
  const answers = await measureAnswers(plan.answers, seededRandom(SEED));
  if (plan === fullPlan) writeReport({ ...readFindings(docs), answers }, docs);
  console.log(answerSection(answers));
} else if (values.private) {
  const found = await measurePrivate(plan.private, plan, seededRandom(SEED));
  if (plan === fullPlan) writeReport({ ...readFindings(docs), private: found }, docs);
  console.log(privateSection(found));
} else if (values.cold) {
  await using redis = await startRedis({ args: ["--save", ""] });
  const cold = await measureCold(redis, plan.cold, seededRandom(SEED));
  if (plan === fullPlan) writeReport({ ...readFindings(docs), cold }, docs);
  console.log(coldSection(cold));
} else if (values.telemetry) {
  await using redis = await startRedis({ args: ["--save", ""] });
  const telemetry = await measureTelemetry(redis, plan.telemetry, plan, seededRandom(SEED));
  if (plan === fullPlan) writeReport({ ...readFindings(docs), telemetry }, docs);
  console.log(telemetrySection(telemetry));
} else if (!values.report) {
  const findings = await runBenchmark(plan, values.others ? readFindings(docs) : {});
  const folder = values.out ?? (values.quick ? undefined : docs);
  if (folder !== undefined) writeReport(findings, folder);
  console.log(headlineTable(findings));
}
if (values.report || values.graphs || (values.out === undefined && !values.quick)) {
  renderReport(docs);
  const readme = path.join(root, "README.md");
  writeFileSync(readme, renderReadme(readFileSync(readme, "utf8"), readFindings(docs)));
}
// The pool of clients that @langchain/redis keeps would not let the program end.
process.exit();
