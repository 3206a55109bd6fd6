/** Returns whether Redis replied that it refuses a command. Any other error means that Redis could not be reached. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError";
}
