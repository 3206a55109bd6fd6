import { z } from "zod";
import { keyring, keyringSchema } from "../../src/encryption/keyring.js";

// Takes the place of src/encryption/options.ts: what a test leaves to the defaults is sealed and compressed.

export type { EncryptionOptions, StoredFormOptions } from "../../src/encryption/options.js";

const ring = keyring({ current: "test", keys: { test: Buffer.alloc(32, "test") } });

export const encryptionShape = { encryption: keyringSchema.default(ring) };
export const storedFormShape = { ...encryptionShape, compress: z.boolean().default(true) };
