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
 *   if (error instanceof SessionError) logger.warn({ code: error.code }, error.message);
 * }
 * ```
 */
export abstract class SessionError extends Error {
  override name = "SessionError";
  /** A stable identifier of the kind of error, in upper snake case. */
  abstract readonly code: string;
}
