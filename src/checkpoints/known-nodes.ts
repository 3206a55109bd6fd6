/** How many names are remembered of all threads together, those of threads too. A name takes some 80 bytes. */
const MAX_NAMES = 100_000;

/**
 * Which nodes of which threads Redis is known to have, so that they are not sent again. It may be wrong, since others prune
 * and delete. Then the script that needs them says so, and all are sent.
 */
export class KnownNodes {
  /** The thread that was used least recently is first. */
  readonly #threads = new Map<string, Set<string>>();
  #size = 0;

  has(thread: string, name: string): boolean {
    return this.#threads.get(thread)?.has(name) ?? false;
  }

  add(thread: string, names: Iterable<string>): void {
    const known = this.#threads.get(thread) ?? new Set();
    this.forget(thread);
    this.#threads.set(thread, known);
    for (const name of names) known.add(name);
    this.#size += 1 + known.size;
    for (const oldest of this.#threads.keys()) {
      if (this.#size <= MAX_NAMES) return;
      this.forget(oldest);
    }
  }

  forget(thread: string): void {
    const known = this.#threads.get(thread);
    if (known === undefined) return;
    // A thread without nodes takes memory too.
    this.#size -= 1 + known.size;
    this.#threads.delete(thread);
  }
}
