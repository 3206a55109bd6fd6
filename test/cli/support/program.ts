import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { buildSync } from "esbuild";
import { afterAll, vi } from "vitest";

const root = path.join(import.meta.dirname, "../../..");
const folder = mkdtempSync(path.join(tmpdir(), "command-line-"));
const program = path.join(folder, "main.mjs");

// For a file that imports this: the program with its packages in one file, which starts in half the time.
buildSync({
  entryPoints: [path.join(root, "src/cli/main.ts")],
  outfile: program,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  // ioredis and its kin are CommonJS.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  logLevel: "error",
});
// Each run is a process, and some tests need many.
vi.setConfig({ testTimeout: 120_000 });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Environment = Readonly<Record<string, string>>;

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the program without a terminal, and with no more of the environment than is passed. */
export function cli(args: readonly string[], environment: Environment): Promise<Ran> {
  return ran([process.execPath, program, ...args], environment);
}

/**
 * Runs the program on a terminal, at which somebody types this when asked. What it prints, to whichever stream, is `out`.
 */
export function cliOnTerminal(args: readonly string[], environment: Environment, typed = ""): Promise<Ran> {
  const spawning = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
  return ran(["python3", "-c", spawning, process.execPath, program, ...args], environment, typed);
}

/** Runs the program, whose reader goes away after the first bytes. */
export async function cliWithDeafReader(args: readonly string[], environment: Environment): Promise<Omit<Ran, "out">> {
  const child = start([process.execPath, program, ...args], environment);
  const err = text(child.stderr);
  const ended = once(child, "close");
  await once(child.stdout, "data");
  child.stdout.destroy();
  const [code] = (await ended) as [number];
  return { code, err: await err };
}

/** Runs the program, and a shell sends its output to a file. */
export function cliInto(file: string, args: readonly string[], environment: Environment): Promise<Ran> {
  return ran(["sh", "-c", 'exec "$@" > "$0"', file, process.execPath, program, ...args], environment);
}

async function ran(command: readonly string[], environment: Environment, typed?: string): Promise<Ran> {
  const child = start(command, environment);
  if (typed === undefined) child.stdin.end();
  const ended = once(child, "close");
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    const wasAsked = out.includes("to go on: ");
    out += chunk;
    if (typed !== undefined && !wasAsked && out.includes("to go on: ")) child.stdin.write(typed);
  });
  const err = await text(child.stderr);
  const [code] = (await ended) as [number];
  return { code, out, err };
}

function start([name = "", ...args]: readonly string[], environment: Environment): ReturnType<typeof piped> {
  return piped(name, args, { PATH: process.env["PATH"] ?? "", ...environment });
}

// oxlint-disable-next-line typescript/explicit-function-return-type
const piped = (name: string, args: readonly string[], env: Environment) =>
  spawn(name, args, { env, stdio: ["pipe", "pipe", "pipe"] });

/** Returns the objects that were printed, one a line. */
export function objects({ out }: Ran): unknown[] {
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
}
