import { randomBytes } from "node:crypto";
import { type Keyring, keyring, type KeyringOptions } from "langchain-redis-sessions";

const ringKey = randomBytes(32);

/** Options with which everything is sealed and compressed. Each ring is like another process: it knows no data key yet. */
export function sealing(options: Partial<KeyringOptions> = {}): { encryption: Keyring; compress: boolean } {
  return { encryption: keyring({ current: "a", keys: { a: ringKey }, ...options }), compress: true };
}
