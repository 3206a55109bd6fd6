const MAX_MILLISECONDS = 5_000;

/** Returns how long a listening connection waits before its reconnection number `attempt`, in milliseconds. */
export function reconnectDelay(attempt: number): number {
  return Math.min(attempt * 100, MAX_MILLISECONDS);
}
