import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { OpenOptions } from "./streams.js";
import type { Order, Report } from "./worker.js";

/** Another process that answers or follows. */
export class Worker {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(candidate: string, { url, keyPrefix, lease }: OpenOptions): Promise<Worker> {
    const child = fork(path.join(import.meta.dirname, "worker.ts"), [candidate, url, keyPrefix, lease]);
    await once(child, "message");
    return new Worker(child);
  }

  /** Waits until the order is done. One at a time. */
  async tell(order: Order): Promise<void> {
    await this.#ask(order);
  }

  /** Waits until all that the worker follows has ended. */
  async report(): Promise<Report> {
    return (await this.#ask({ do: "report" })) as Report;
  }

  /** Ends the process without a chance to say anything. */
  async kill(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  async #ask(order: Order): Promise<unknown> {
    const settled = new AbortController();
    const { signal } = settled;
    const exited = once(this.#child, "exit", { signal }).then(() => {
      throw new Error(`The worker ended while it was to ${order.do}.`);
    });
    try {
      const answered = once(this.#child, "message", { signal });
      this.#child.send(order);
      const [reply] = (await Promise.race([answered, exited])) as [unknown];
      return reply;
    } finally {
      settled.abort();
    }
  }
}
