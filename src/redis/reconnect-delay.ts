const MAX_MILLISECONDS = 5_000;

/** Returns for how many milliseconds a connection that listens waits before it reconnects for the `attempt`th time. */
export function reconnectDelay(attempt: number): number {
  return Math.min(attempt * 100, MAX_MILLISECONDS);
}
