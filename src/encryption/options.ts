import * as z from "../options/schema.js";
import { type Keyring, keyringSchema } from "./keyring.js";
import { once } from "../options/once.js";

/** The option that seals stored data. */
export interface EncryptionOptions {
  /**
   * The key ring from `keyring()`. Stored data is then sealed with AES-256-GCM, with a key of its own for each owner.
   * docs/privacy.md says what is sealed and what is not, and how to switch encryption on when data is stored already.
   * @default undefined: stored data is plain text
   */
  encryption?: Keyring | undefined;
}

/** The options that seal and compress stored data. */
export interface StoredFormOptions extends EncryptionOptions {
  /**
   * Whether new data is compressed before it is sealed (deflate, with a dictionary made for LangChain's messages).
   * Entries that would not shrink stay as they are. Compressed data is read whether this is on or off. The length of a
   * compressed entry reveals more about its content (docs/privacy.md).
   * @default false
   */
  compress?: boolean | undefined;
}

export const encryptionShape = once(() => ({ encryption: z.optional(keyringSchema()) }));
export const storedFormShape = once(() => ({
  ...encryptionShape(),
  compress: z._default(z.boolean("use true or false"), false),
}));
