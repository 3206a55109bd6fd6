import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { findFreePorts } from "../../../src/testing/servers/free-ports.js";
import type { Site } from "./site.js";

/** A server program of a page, started as its reader would start it. */
export class RunningProgram implements AsyncDisposable {
  readonly base: string;
  readonly #child: ChildProcess;
  readonly #said: string[];

  private constructor(base: string, child: ChildProcess, said: string[]) {
    this.base = base;
    this.#child = child;
    this.#said = said;
  }

  static async start(site: Site, words: readonly string[], environment: NodeJS.ProcessEnv): Promise<RunningProgram> {
    const [port = 0] = await findFreePorts(1);
    const child = spawn(process.execPath, words, {
      cwd: site.folder,
      env: { ...process.env, ...environment, PORT: String(port) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => said.push(String(text)));
    const program = new RunningProgram(`http://localhost:${port}`, child, said);
    while (!(await accepts(port))) {
      if (program.#hasEnded) throw new Error(`The program ended: ${said.join("")}`);
      await pause(20);
    }
    return program;
  }

  /** What it printed, errors too. */
  get output(): string {
    return this.#said.join("");
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Asks the program to end, and returns its exit code: `null` if the signal ended it. */
  async terminate(): Promise<number | null> {
    if (!this.#hasEnded) {
      const exit = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      await exit;
    }
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded) return;
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "localhost");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
