import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { builtProgram } from "../../support/built-program.js";

const root = path.join(import.meta.dirname, "../../..");

/** The service as `npm start` runs it, in a process of its own, with a Redis of its own in the folder. */
export interface ChildService {
  readonly url: string;
  readonly process: ChildProcess;
  /** All that it printed to stdout, and to stderr. */
  readonly printed: () => { readonly stdout: string; readonly stderr: string };
  /** Its exit code, once it has ended; with SIGTERM, sent to this process alone. */
  readonly end: () => Promise<number | null>;
}

export async function startChildService(
  environment: Readonly<Record<string, string>>,
  program = "examples/chat-server/main.ts",
): Promise<ChildService> {
  const { REDIS_URL: _, OPENAI_API_KEY: __, ...inherited } = process.env;
  const child = spawn(process.execPath, [builtProgram(program, "examples/chat-server")], {
    cwd: root,
    env: { ...inherited, PORT: "0", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit") as Promise<[number | null]>;
  let stdout = "";
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      const address = /http:\/\/\S+/.exec(stdout)?.[0];
      if (address !== undefined && stdout.includes("Stop")) resolve(address);
    });
    child.once("exit", () => reject(new Error(`it ended: ${stderr}`)));
  });
  return {
    url,
    process: child,
    printed: () => ({ stdout, stderr }),
    end: async () => {
      child.kill("SIGTERM");
      const [code] = await exited;
      return code;
    },
  };
}
