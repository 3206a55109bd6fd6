/** The command line, the environment or a file is at fault. Nothing was done. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Redis was not reached. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** It was not done, and the message says why. */
export class NotDoneError extends Error {
  override readonly name = "NotDoneError";
}
