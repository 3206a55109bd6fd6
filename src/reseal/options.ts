import * as z from "../options/schema.js";
import type { Keyring } from "../encryption/keyring.js";
import { keyringSchema } from "../encryption/keyring.js";
import { type ConnectionOptions, connectionShape } from "../redis/connection-options.js";
import { once } from "../options/once.js";

/** Options of {@link rewrapDataKeys} and {@link sealStored}. */
export interface ResealOptions<Progress> extends Pick<ConnectionOptions, "client" | "keyPrefix" | "deadline"> {
  /** The key ring from `keyring()`. */
  encryption: Keyring;
  /** Called after each step with the progress so far. If it throws, the call stops and throws that error. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

export const resealShape = once(() => ({
  client: connectionShape().client,
  keyPrefix: connectionShape().keyPrefix,
  deadline: connectionShape().deadline,
  encryption: keyringSchema(),
  onProgress: z.optional(
    z.custom<(progress: never) => void>((value) => typeof value === "function", "pass a function"),
  ),
}));

/** The number of owners that are processed at once. */
export const AT_ONCE = 32;
