import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** The text that a server logs when it accepts connections. */
export const READY = "Ready to accept connections";
/** The line that the shell of a container logs for each server when the servers have ended by themselves. */
export const ENDED = "startRedis: the server ended";

const KEPT_LINES = 20;
const KEEP_ALIVE_MILLISECONDS = 1_000;

/** Keeps the last log lines of the servers in one container, and detects when the servers are ready or have ended. */
export class ContainerLog {
  readonly lines: string[] = [];
  readonly #outcome: Promise<"ready" | "ended">;
  #settle: (outcome: "ready" | "ended") => void = () => {};
  #missing: number;
  #stream: Readable | undefined;

  constructor(servers: number) {
    this.#missing = servers;
    this.#outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  follow(stream: Readable): void {
    this.#stream = stream;
    createInterface({ input: stream })
      .on("line", (line) => this.#add(line))
      .on("close", () => this.#settle("ended"));
  }

  /** Resolves when all servers are ready or have ended. */
  async outcome(): Promise<"ready" | "ended"> {
    // testcontainers does not keep the program running while it reads a log, so this timer does.
    const alive = setInterval(() => {}, KEEP_ALIVE_MILLISECONDS);
    try {
      return await this.#outcome;
    } finally {
      clearInterval(alive);
    }
  }

  /** Closes the log. An open stream would keep a program running that forgets `stop()`. */
  close(): void {
    this.#stream?.destroy();
  }

  #add(line: string): void {
    if (line.includes(ENDED)) {
      this.#settle("ended");
      return;
    }
    if (this.lines.push(line) > KEPT_LINES) this.lines.shift();
    if (line.includes(READY)) this.#missing -= 1;
    if (this.#missing === 0) this.#settle("ready");
  }
}
