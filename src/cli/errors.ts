/** Thrown when the command line, the environment or a file is wrong. Nothing was done. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Thrown when Redis could not be reached. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** Thrown when the command did nothing. The message says why. */
export class NotDoneError extends Error {
  override readonly name = "NotDoneError";
}
