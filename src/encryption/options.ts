import { z } from "zod";
import { type Keyring, keyringSchema } from "./keyring.js";
import { once } from "../options/once.js";

/** How what is stored is stored. */
export interface EncryptionOptions {
  /**
   * What `keyring()` returned: what is stored is sealed by a key of its own for each owner (AES-256-GCM). docs/privacy.md
   * says what is sealed and what is not, and how to switch it on where something is stored already.
   * @default what is stored is readable
   */
  encryption?: Keyring | undefined;
}

/** How what is stored is stored, where it may be compressed. */
export interface StoredFormOptions extends EncryptionOptions {
  /**
   * `true` compresses what is stored, before it is sealed (deflate, with a dictionary made for LangChain's messages). Entries
   * that do not shrink stay as they are. What is compressed is read whether this is on or off. Lengths show more of what is
   * secret when it is compressed: docs/privacy.md.
   * @default false
   */
  compress?: boolean | undefined;
}

export const encryptionShape = once(() => ({ encryption: keyringSchema().optional() }));
export const storedFormShape = once(() => ({
  ...encryptionShape(),
  compress: z.boolean("use true or false").default(false),
}));
