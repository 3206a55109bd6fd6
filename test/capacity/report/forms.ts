import { BOTH, COMPRESSED, type Form, PLAIN } from "../../bench/private/forms.js";
import { table } from "../../bench/report/table.js";
import type { FormSizes } from "../measure/forms.js";
import { assumptions } from "../model/assumptions.js";
import { needOf } from "../model/capacity.js";
import { inForm } from "../model/forms.js";
import type { Findings } from "../run.js";
import { measuredOf } from "./derived.js";
import { bytes, count } from "./format.js";

const MILLION = 1e6;
/** As the section on what changes the answer has it. */
const LARGE = 1e8;

/** The section of docs/capacity.md on what is compressed and sealed. */
export function formSection(findings: Findings): string {
  const { forms: sizes = [], formsOfMadeUpWords = [] } = findings;
  const plain = sizes.find(({ form }) => form === PLAIN);
  if (plain === undefined) return "";
  return `${formTable(findings, sizes, plain)}

The same ${count(plain.conversations)} conversations, ${count(plain.messages)} messages of ${bytes(plain.textBytes)} of text on average, stored in each form on one node; the texts are English, of this project's pages.${worstCase(formsOfMadeUpWords)} The sizes are \`MEMORY USAGE\` of every list of messages. The model multiplies each kind of key by what it became, and gives each user a data key of ${bytes(Math.max(...sizes.map(({ dataKeyBytes }) => dataKeyBytes)))} where messages are sealed. Processor time and network of the shards are left as they are for plain messages; sealing and compressing are work of your processes, and [the benchmark](benchmark.md) has their times. \`npm run capacity -- --forms\` measures this table alone. [Privacy](privacy.md) says how to switch both on.`;
}

/** What becomes of words that no language has. */
function worstCase(sizes: readonly FormSizes[]): string {
  const bytesIn = (form: Form): number => sizes.find((one) => one.form === form)?.messageBytes ?? Number.NaN;
  const ratio = (form: Form): string => `${(bytesIn(form) / bytesIn(PLAIN)).toFixed(2)}×`;
  if (sizes.length === 0) return "";
  return ` Of the made-up words of the large run, whose letters are random, a message becomes ${ratio(COMPRESSED)} compressed and ${ratio(BOTH)} compressed and sealed: the worst case, for no language is like that.`;
}

function formTable(findings: Findings, sizes: readonly FormSizes[], plain: FormSizes): string {
  const measured = measuredOf(findings);
  return table(
    [
      "stored",
      "a message",
      `÷ ${PLAIN}`,
      "1 M conversations",
      "100 M",
      `shards of ${assumptions.shardGiB} GiB for 100 M`,
    ],
    sizes.map((one) => {
      const [million, large] = [MILLION, LARGE].map((size) => needOf(size, inForm(measured, plain, one), assumptions));
      return [
        one.form,
        bytes(one.messageBytes),
        one === plain ? "–" : `${(one.messageBytes / plain.messageBytes).toFixed(2)}×`,
        bytes(million?.bytes ?? Number.NaN),
        bytes(large?.bytes ?? Number.NaN),
        count(large?.shards ?? Number.NaN),
      ];
    }),
  );
}
