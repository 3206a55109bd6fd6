/** The same in every copy of this package that a program has loaded, which its classes are not. */
const brand = Symbol.for("langchain-redis-sessions.error");

/**
 * The base of every error that this library throws on purpose.
 *
 * `code` is stable across versions: branch on it, or on the class, never on `message`.
 * No error of this family carries message contents or secrets, at any depth of `cause`.
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
  /** A stable identifier of the kind of error, in upper snake case. */
  abstract readonly code: string;

  static {
    Object.defineProperty(this.prototype, brand, { value: true });
  }
}

/**
 * Returns whether an error is one of this library, also of another copy of it, whose classes `instanceof` does not know:
 * two versions in one `node_modules`, or a bundle beside the package. Then branch on `code`. A `code` alone tells
 * nothing, because anybody's error may have any.
 *
 * @example
 * ```ts
 * if (isLangChainRedisError(error) && error.code === "SESSION_NOT_FOUND") signInAgain();
 * ```
 */
export function isLangChainRedisError(error: unknown): error is LangChainRedisError {
  return error instanceof Error && brand in error;
}
