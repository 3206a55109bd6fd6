/** How many threads are remembered, and how many nodes of each. A name takes some 60 bytes. */
const MAX_THREADS = 500;
const MAX_NODES = 10_000;

/**
 * Which nodes of which threads Redis is known to have, so that they are not sent again. It may be wrong, since others prune
 * and delete. Then the script that needs them says so, and all are sent.
 */
export class KnownNodes {
  readonly #threads = new Map<string, Set<string>>();

  has(thread: string, name: string): boolean {
    return this.#threads.get(thread)?.has(name) ?? false;
  }

  add(thread: string, names: Iterable<string>): void {
    const known = this.#threads.get(thread) ?? new Set();
    // Moved to the end: the one that was used least recently is forgotten first.
    this.#threads.delete(thread);
    this.#threads.set(thread, known);
    for (const name of names) known.add(name);
    trim(known, MAX_NODES);
    trim(this.#threads, MAX_THREADS);
  }

  forget(thread: string): void {
    this.#threads.delete(thread);
  }
}

/** Removes what was added first. */
function trim(collection: Set<string> | Map<string, unknown>, size: number): void {
  for (const key of collection.keys()) {
    if (collection.size <= size) return;
    collection.delete(key);
  }
}
