/** Marks the errors of every loaded copy of this package. Each copy has its own classes, but the symbol is shared. */
const brand = Symbol.for("langchain-redis-sessions.error");

/**
 * The base class of every error that this library throws on purpose.
 *
 * Branch on `code` or on the class, never on `message`: `code` is stable across versions. No error of this library
 * contains message contents or secrets, at any depth of `cause`.
 *
 * @example
 * ```ts
 * try {
 *   await history.addMessages(turn);
 * } catch (error) {
 *   if (error instanceof LangChainRedisError) logger.warn({ code: error.code }, error.message);
 * }
 * ```
 */
export abstract class LangChainRedisError extends Error {
  override name = "LangChainRedisError";
  /** Identifies the kind of error, in upper snake case. Stable across versions. */
  abstract readonly code: string;

  static {
    Object.defineProperty(this.prototype, brand, { value: true });
  }
}

/**
 * Returns `true` if `error` belongs to this library, including another loaded copy of it. `instanceof` recognises only
 * the classes of one copy. A program may load two: two versions in `node_modules`, or a bundle beside the package.
 *
 * Branch on `code` after this check. A `code` alone proves nothing, because any package may use the same one.
 *
 * @example
 * ```ts
 * if (isLangChainRedisError(error) && error.code === "SESSION_NOT_FOUND") signInAgain();
 * ```
 */
export function isLangChainRedisError(error: unknown): error is LangChainRedisError {
  return error instanceof Error && brand in error;
}
