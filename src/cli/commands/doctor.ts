import { styleText } from "node:util";
import type { Call, Command } from "../command.js";
import { connectionOf } from "../connection.js";
import { type Checked, checks } from "../doctor/checks.js";
import { EXIT } from "../exit-codes.js";
import type { Output } from "../output.js";

export const doctor: Command = {
  name: "doctor",
  operands: [],
  options: [],
  about: "Checks whether this Redis is set up well for a service, and says what to change",
  run: async (call: Call) => {
    const { redis, output } = call;
    const found: Checked[] = [];
    for await (const one of checks(redis.client, connectionOf(call).keyPrefix)) {
      found.push(one);
      if (output.format === "text") await print(output, one);
    }
    const isWell = found.every(({ verdict }) => verdict !== "change");
    if (output.format === "json") await output.json({ ok: isWell, checks: found });
    return isWell ? EXIT.done : EXIT.failed;
  },
};

const marks = {
  ok: ["green", "ok     "],
  change: ["yellow", "change "],
  unknown: ["dim", "unknown"],
} as const;

async function print(output: Output, { check, verdict, found, advice, nodes = [] }: Checked): Promise<void> {
  // Node.js colours the mark on a terminal only, and not if NO_COLOR is set.
  const [color, mark] = marks[verdict];
  const where = nodes.length === 0 ? "" : ` (${nodes.join(", ")})`;
  await output.line(`  ${check.padEnd(12)} ${found}${where}`, styleText(color, mark));
  if (advice !== undefined) await output.line(`${" ".repeat(22)}${advice}`);
}
