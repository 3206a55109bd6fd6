import { SearchTooLargeError } from "../errors.js";

/** Counts what a search or listing looked at, in all partitions. */
export class Scan {
  readonly #most: number;
  #walked = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** How much it may look at before it is known to be too large. */
  get left(): number {
    return Math.max(1, this.#most - this.#walked + 1);
  }

  /** @throws SearchTooLargeError beyond the bound. */
  add(walked: number): void {
    this.#walked += walked;
    if (this.#walked > this.#most) throw new SearchTooLargeError(this.#most);
  }
}
