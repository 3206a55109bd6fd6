import type { DataKey } from "./data-key.js";

/** A data key, and what a script has to know about it: see redis/scripts/fragments/data-key.ts. */
export interface KnownKey {
  readonly key: DataKey;
  readonly state: "known" | "new" | "rewrap" | `over:${string}`;
  /** The rest of the key's record in Redis, behind its id. */
  readonly rest: string;
}

/** How long a process uses a key without asking for it again. A write notices sooner that the key was destroyed. */
export const KNOWN_MILLISECONDS = 300_000;
const MAX_KNOWN = 10_000;

/** The data keys that a process knows, bounded in number and in time. */
export class KnownKeys {
  readonly #keys = new Map<string, { readonly known: KnownKey; readonly until: number }>();

  get(name: string): KnownKey | undefined {
    const found = this.#keys.get(name);
    if (found === undefined || performance.now() < found.until) return found?.known;
    this.#keys.delete(name);
    return undefined;
  }

  set(name: string, known: KnownKey): void {
    const before = this.#keys.get(name);
    this.#keys.delete(name);
    // Keep the time limit of a key that is already known: that a script has seen the key does not prolong it.
    const isSame = before?.known.key === known.key;
    this.#keys.set(name, { known, until: isSame ? before.until : performance.now() + KNOWN_MILLISECONDS });
    for (const oldest of this.#keys.keys()) {
      if (this.#keys.size <= MAX_KNOWN) break;
      this.#keys.delete(oldest);
    }
  }

  delete(name: string): void {
    this.#keys.delete(name);
  }
}
