import type { Connection } from "./send.js";

/** The time that one call has for all its commands. The time of the caller's own functions does not count. */
export class Budget {
  readonly #connection: Connection;
  readonly #began = performance.now();
  #paused = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get left(): number {
    return this.#connection.deadlineMilliseconds - (performance.now() - this.#began - this.#paused);
  }

  /** Returns the connection. Its deadline is the time that is left. */
  connection(): Connection {
    const {
      client,
      wait,
      vault,
      subject,
      deadlineMilliseconds,
      callMilliseconds = deadlineMilliseconds,
    } = this.#connection;
    return { client, wait, vault, subject, deadlineMilliseconds: Math.max(1, Math.ceil(this.left)), callMilliseconds };
  }

  async pause<Value>(work: () => Value | Promise<Value>): Promise<Value> {
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.#paused += performance.now() - began;
    }
  }
}
