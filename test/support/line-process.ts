import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { builtProgram } from "./built-program.js";

/** A program of its own that is talked to in lines of JSON. */
export interface LineProcess {
  readonly say: (line: unknown) => void;
  readonly hear: () => Promise<unknown>;
  /** To this process alone, by its id. */
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly stop: () => Promise<unknown>;
}

export function startLineProcess(program: URL): LineProcess {
  const child = spawn(process.execPath, [builtProgram(fileURLToPath(program))], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    say: (line) => child.stdin.write(`${JSON.stringify(line)}\n`),
    hear: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error("The process ended without a report.");
      return JSON.parse(value) as unknown;
    },
    signal: (signal) => child.kill(signal),
    stop: async () => {
      child.kill("SIGKILL");
      return ended;
    },
  };
}
