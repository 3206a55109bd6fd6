import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** What a server logs once it accepts connections. */
export const READY = "Ready to accept connections";
/** What the shell around the servers of a container logs, once for each, when they ended by themselves. */
export const ENDED = "startRedis: the server ended";

const KEPT_LINES = 20;
const KEEP_ALIVE_MILLISECONDS = 1_000;

/** The last lines that the servers of one container have logged, and what they say. */
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

  /** Resolves as soon as all servers are ready, or have ended. */
  async outcome(): Promise<"ready" | "ended"> {
    // testcontainers lets the program end while it reads a log, so something else has to keep it alive.
    const alive = setInterval(() => {}, KEEP_ALIVE_MILLISECONDS);
    try {
      return await this.#outcome;
    } finally {
      clearInterval(alive);
    }
  }

  /** An open stream would keep a program alive that forgets `stop()`. */
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
