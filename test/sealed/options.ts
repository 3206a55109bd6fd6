import * as z from "../../src/options/schema.js";
import { type Keyring, keyring, keyringSchema } from "../../src/encryption/keyring.js";
import { once } from "../../src/options/once.js";

// Takes the place of src/encryption/options.ts: what a test leaves to the defaults is sealed and compressed.

export type { EncryptionOptions, StoredFormOptions } from "../../src/encryption/options.js";

/** For programs of their own, in which nothing takes the place of anything. */
export const ring: Keyring = keyring({ current: "test", keys: { test: Buffer.alloc(32, "test") } });

export const encryptionShape = once(() => ({ encryption: z._default(keyringSchema(), ring) }));
export const storedFormShape = once(() => ({ ...encryptionShape(), compress: z._default(z.boolean(), true) }));
