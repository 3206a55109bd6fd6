import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Address } from "../../support/start-servers.js";

/** What each process is to do. */
export interface CreationOrder {
  /** One Redis, or the nodes of a Cluster. */
  readonly addresses: readonly Address[];
  readonly keyPrefix: string;
  readonly userId: string;
  /** The user's index of sessions. */
  readonly index: string;
  readonly limit: number;
  readonly creates: number;
  /** How many creates are under way at once. */
  readonly lanes: number;
  readonly how: "store" | "plain commands";
}

export interface Creation {
  readonly id: string;
  readonly startedAt: number;
  readonly ended: readonly string[];
}

interface CreatingProcess {
  readonly say: (line: unknown) => void;
  readonly hear: () => Promise<unknown>;
  readonly stop: () => Promise<unknown>;
}

/** Processes that create sessions on demand, all at the same time. */
export class CreatingProcesses {
  readonly #processes: readonly CreatingProcess[];

  constructor(count: number) {
    this.#processes = Array.from({ length: count }, startProcess);
  }

  /** Has every process get ready; what is returned lets them begin, and resolves to all that they created. */
  async prepare(order: CreationOrder): Promise<() => Promise<Creation[]>> {
    for (const { say } of this.#processes) say(order);
    await Promise.all(this.#processes.map(({ hear }) => hear()));
    return async () => {
      for (const { say } of this.#processes) say("begin");
      return (await Promise.all(this.#processes.map(({ hear }) => hear()))).flatMap((made) => made as Creation[]);
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map(({ stop }) => stop()));
  }
}

function startProcess(): CreatingProcess {
  const file = fileURLToPath(new URL("creating-process.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), file], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    say: (line) => child.stdin.write(`${JSON.stringify(line)}\n`),
    hear: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error("A creating process ended without a report.");
      return JSON.parse(value) as unknown;
    },
    stop: async () => {
      child.kill();
      return ended;
    },
  };
}
