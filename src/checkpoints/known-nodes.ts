/** The largest number of names to remember, over nodes and threads together. A name takes about 80 bytes. */
const MAX_NAMES = 100_000;

/**
 * The nodes that Redis is known to hold, by thread, so that they are not sent again. The record may be wrong, because
 * other processes prune and delete. A script that misses a node reports it, and the caller then sends all nodes.
 */
export class KnownNodes {
  /** Ordered by last use: the thread that was used least recently comes first. */
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
    // Count the thread itself too: a thread without nodes takes memory.
    this.#size -= 1 + known.size;
    this.#threads.delete(thread);
  }
}
