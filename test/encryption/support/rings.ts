import { randomBytes } from "node:crypto";
import { type DataKeys, type Keyring, keyring, type KeyringOptions } from "langchain-redis-sessions";

export const keys: Readonly<Record<"old" | "new", Buffer>> = { old: randomBytes(32), new: randomBytes(32) };

/** Each ring knows nothing of what another one has read, as in another process. */
export const ring = (options: Partial<KeyringOptions> = {}): Keyring => keyring({ current: "old", keys, ...options });

/** Wrapped keys in a table of this process, as a key management service has them. */
export class TableOfKeys implements DataKeys {
  readonly table = new Map<string, string>();

  async get(owner: string): Promise<string | undefined> {
    return this.table.get(owner);
  }

  async create(owner: string, wrapped: string, { replaces }: { replaces?: string | undefined }): Promise<string> {
    const held = this.table.get(owner);
    if (held !== undefined && held !== replaces) return held;
    this.table.set(owner, wrapped);
    return wrapped;
  }

  async destroy(owner: string, wrapped: string): Promise<void> {
    if (this.table.get(owner) === wrapped) this.table.delete(owner);
  }
}
