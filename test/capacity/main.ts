// `npm run capacity`: how much Redis so many conversations need. Measures single keys and single calls, fills one node
// and a Cluster of three with 200,000 conversations, and writes docs/capacity.{json,md,svg} and the README's lines.
//
//   npm run capacity -- --conversations 20000   a smaller run, which writes to the folder that --out names
//   npm run capacity -- --forms                 compressed and sealed messages only; the rest of docs/capacity.json stays
//   npm run capacity -- --report                measures nothing: writes anew what is made of docs/capacity.json
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { measureForms } from "./measure/forms.js";
import { answerTable } from "./report/answer.js";
import { formSection } from "./report/forms.js";
import { readFindings, renderReadme, renderReport, writeReport } from "./report/write.js";
import { fullPlan, runCapacity } from "./run.js";
import { textOf } from "./workload/text.js";

const root = path.join(import.meta.dirname, "../..");
const docs = path.join(root, "docs");
const { values } = parseArgs({
  options: {
    conversations: { type: "string" },
    forms: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
    out: { type: "string" },
  },
});

const published = values.forms ? fullPlan.formConversations : fullPlan.conversations;
const conversations = Number(values.conversations ?? published);
if (!Number.isInteger(conversations) || conversations < 100)
  throw new Error("--conversations: a whole number from 100 on.");
// A smaller run is for looking: the published numbers are those of the full one.
const folder = values.out ?? (conversations === published ? docs : undefined);

if (values.forms) {
  const forms = await measureForms(conversations);
  const findings = { ...readFindings(docs), forms, formsOfMadeUpWords: await measureForms(conversations, textOf) };
  if (folder !== undefined) writeReport(findings, folder);
  console.log(formSection(findings));
} else if (!values.report) {
  const findings = await runCapacity({ ...fullPlan, conversations });
  if (folder !== undefined) writeReport(findings, folder);
  console.log(answerTable(findings));
} else if (folder !== undefined) {
  renderReport(folder);
}
if (folder === docs) {
  const readme = path.join(root, "README.md");
  writeFileSync(readme, renderReadme(readFileSync(readme, "utf8"), readFindings(docs)));
}
