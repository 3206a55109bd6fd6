import { LangChainRedisError } from "./langchain-redis-error.js";

/**
 * Thrown when a key is missing: the ring lacks the key that wrapped a data key, or has a different key under the same id, or
 * the data key is kept elsewhere (`dataKeys`). Also thrown for a write without `encryption` to a conversation whose messages
 * are all sealed. Nothing was written, and nothing is lost: with the right key, the stored data can be read again.
 * `onCorrupt: "skip"` does not suppress this error.
 *
 * @remedy Add the key that `keyId` names to the key ring, or pass the `encryption` and the `dataKeys` of the first write.
 */
export class EncryptionKeyError extends LangChainRedisError {
  override readonly name = "EncryptionKeyError";
  override readonly code = "ENCRYPTION_KEY";
  /** The id of the ring's key that is needed. `undefined` if no key of the ring is at fault. */
  readonly keyId: string | undefined;

  constructor(message: string, keyId?: string) {
    super(message);
    this.keyId = keyId;
  }
}
