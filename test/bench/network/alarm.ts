import { once } from "node:events";
import { Worker } from "node:worker_threads";

/**
 * Wakes a program at a time, to a tenth of a millisecond. A timer's unit is a millisecond, and to look at the clock again
 * and again would take a whole processor, which the programs that are measured need.
 */
export class Alarm {
  readonly #worker: Worker;
  readonly #set = new Int32Array(new SharedArrayBuffer(4));
  readonly #at = new Float64Array(new SharedArrayBuffer(8));

  private constructor(ring: () => void) {
    this.#worker = new Worker(sleeper, { eval: true, workerData: [this.#set, this.#at] });
    this.#worker.on("message", ring);
  }

  /** @param ring is called at the time that is set. */
  static async start(ring: () => void): Promise<Alarm> {
    const alarm = new Alarm(ring);
    await once(alarm.#worker, "online");
    return alarm;
  }

  /** Sets the alarm to a time of `now()`. It rings once. Until it has rung, it must not be set again. */
  set(at: number): void {
    this.#at[0] = at;
    Atomics.store(this.#set, 0, 1);
    Atomics.notify(this.#set, 0);
  }
}

/** The clock that all threads of a process share, in milliseconds. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

// JavaScript: a thread of its own does not know how to load TypeScript.
const sleeper = /* js */ `
const { parentPort, workerData: [set, at] } = require("node:worker_threads");
const never = new Int32Array(new SharedArrayBuffer(4));
for (;;) {
  Atomics.wait(set, 0, 0);
  Atomics.store(set, 0, 0);
  Atomics.wait(never, 0, 0, Math.max(0, at[0] - performance.timeOrigin - performance.now()));
  parentPort.postMessage("ring");
}`;
