/** Whether Redis replied that it does not do this. Any other error means that Redis is away. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError";
}
