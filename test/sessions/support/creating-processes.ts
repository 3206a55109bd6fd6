import { type LineProcess, startLineProcess } from "../../support/line-process.js";
import type { Address } from "../../support/start-servers.js";

const program = new URL("creating-process.ts", import.meta.url);

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

/** Processes that create sessions on demand, all at the same time. */
export class CreatingProcesses {
  readonly #processes: readonly LineProcess[];

  constructor(count: number) {
    this.#processes = Array.from({ length: count }, () => startLineProcess(program));
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
