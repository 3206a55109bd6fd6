// Checks the model of an answer in flight: the protocol has every property, and without one of its protections a property
// fails. `npm run test:model -- END_APART` runs the cases of that name, `-- END_APART --trace` shows a shortest way to the
// fault. LONG=1 lets more go wrong. Plain JavaScript on Node's own modules: it needs no packages.
import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs, promisify } from "node:util";
import { models, mutations } from "./cases.mjs";

const execute = promisify(execFile);
const source = "answers.pml";
const AT_ONCE = 2;
const PARTS = { 1: "the question", 2: "a step", 4: "a partial answer", 8: "the answer" };

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { trace: { type: "boolean" }, report: { type: "string" } },
});
await stopWithoutPrograms();

const isAskedFor = ({ name, property = "" }) => words.every((word) => `${name} ${property}`.includes(word));
const cases = [...models.filter(({ long }) => !long || process.env.LONG), ...mutations].filter(isAskedFor);

let passed = 0;
let failed = 0;
const started = performance.now();
print(["case", "property", "states", "seconds", "ok"]);
const waiting = [...cases];
await Promise.all(Array.from({ length: AT_ONCE }, work));
if (flags.report) {
  await writeFile(flags.report, JSON.stringify({ numPassedTests: passed, numFailedTests: failed, testResults: [] }));
}
process.stdout.write(`${seconds(started)} s\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

async function work() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const began = performance.now();
    const { found, states, text } = await searched(next);
    const isRight = found === (next.property ?? "none");
    if (isRight) passed += 1;
    else failed += 1;
    const verdict = isRight ? "ok" : `NOT OK: ${next.property ?? "no"} violation expected, found: ${found}`;
    print([next.name, next.property ?? "all", states, seconds(began), verdict]);
    if (text) process.stdout.write(text);
  }
}

/** Lets Spin write the checker of one case, compiles it and runs it. `found` names the property that fails. */
async function searched({ name, options, fair, long, property }) {
  const folder = await mkdtemp(path.join(tmpdir(), "answers-model-"));
  const run = (program, args) => execute(program, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 });
  const names = options.split(" ").filter(Boolean);
  if (property) names.push(`MUTATION_${name}`);
  if (fair) names.push("LIVENESS");
  const defined = names.map((one) => `-D${one}`);
  try {
    await cp(import.meta.dirname, folder, { recursive: true });
    await run("spin", ["-a", ...defined, source]);
    // The compiler takes longer than most searches.
    const speed = property ? "-O0" : long ? "-O2" : "-O1";
    const order = flags.trace && !fair ? ["-DREACH"] : [];
    const kind = fair ? ["-DNFAIR=3"] : ["-DSAFETY"];
    await run("gcc", [speed, "-w", "-DMEMLIM=6000", ...kind, ...order, "-o", "pan", "pan.c"]);
    const { stdout } = await run("./pan", [
      "-E",
      "-m10000",
      long ? "-w24" : "-w20",
      ...(fair ? ["-a", "-f"] : []),
      ...(order.length > 0 ? ["-i"] : []),
    ]);
    const found = foundIn(stdout);
    const text = flags.trace && found !== "none" ? await traced(run, defined) : "";
    return { found, states: /(\d+) states, stored/.exec(stdout)?.[1] ?? "?", text };
  } catch (error) {
    return { found: `the check broke: ${error.message}`, states: "?", text: error.stdout ?? "" };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function foundIn(output) {
  const [, property] = /assertion violated \(*(\w+)/.exec(output) ?? [];
  if (property) return property;
  if (output.includes("acceptance cycle")) return "followers_end";
  // A search that was cut short found nothing, and proves nothing.
  const isWhole = /errors: 0\b/.test(output) && !/max search depth too small|out of memory|not completed/.test(output);
  return isWhole ? "none" : "an unfinished search";
}

/** What the scripts and processes printed on the way to the fault. */
async function traced(run, defined) {
  const { stdout } = await run("spin", ["-t", "-B", ...defined, source]);
  const lines = stdout.split("\n").map((line) => line.trim());
  const told = lines.filter(
    (line) => line !== "" && !/^spin:|^#|^\d+:|^ltl |^Never claim |processes created|START OF CYCLE/.test(line),
  );
  return told.map((line) => `    ${line.replace(/part (\d)/, (_, part) => PARTS[part])}\n`).join("");
}

async function stopWithoutPrograms() {
  try {
    await Promise.all([execute("spin", ["-V"]), execute("gcc", ["--version"])]);
  } catch {
    process.stderr.write("This needs spin and gcc. On Debian: sudo apt-get install -y spin gcc libc6-dev\n");
    process.exit(1);
  }
}

function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(1);
}

function print([name, property, states, time, verdict]) {
  process.stdout.write(
    `${name.padEnd(38)} ${property.padEnd(22)} ${states.padStart(9)} ${time.padStart(8)}  ${verdict}\n`,
  );
}
