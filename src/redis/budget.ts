import type { Connection } from "./send.js";

/** The time that one call has for all that it sends. What the caller's own functions take is not counted. */
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

  /** The connection, with what is left as its deadline. */
  connection(): Connection {
    const { deadlineMilliseconds, callMilliseconds = deadlineMilliseconds } = this.#connection;
    return { ...this.#connection, deadlineMilliseconds: Math.max(1, Math.ceil(this.left)), callMilliseconds };
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
