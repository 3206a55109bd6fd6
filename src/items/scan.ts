import { SearchTooLargeError } from "../errors.js";

/** Counts the items or namespaces that a search or listing has looked at, over all partitions. */
export class Scan {
  readonly #most: number;
  #walked = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** How many more it may look at before it is known to be too large. */
  get left(): number {
    return Math.max(1, this.#most - this.#walked + 1);
  }

  /** @throws SearchTooLargeError when the count exceeds the limit. */
  add(walked: number): void {
    this.#walked += walked;
    if (this.#walked > this.#most) throw new SearchTooLargeError(this.#most);
  }
}
