import { LangChainRedisError } from "./langchain-redis-error.js";

/**
 * Thrown when the key is missing with which something was sealed, or with which it is to be sealed: the ring lacks the key
 * that wrapped a data key, or has another one under its id. Nothing was written, and nothing is lost: what was stored can be
 * read with the right key. `onCorrupt: "skip"` does not skip it.
 */
export class EncryptionKeyError extends LangChainRedisError {
  override readonly name = "EncryptionKeyError";
  override readonly code = "ENCRYPTION_KEY";
  /** The id of the key in the ring. `undefined` when the data key's own record is at fault. */
  readonly keyId: string | undefined;

  constructor(message: string, keyId?: string) {
    super(message);
    this.keyId = keyId;
  }
}
