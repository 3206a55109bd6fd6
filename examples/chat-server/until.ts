import { setTimeout as pause } from "node:timers/promises";

// Waiting for whichever of several signals aborts first, and leaving nothing on them. Signals that live on (that of a
// session, that of the whole server) must not keep a listener of each stream that there was. Each listener is removed by
// name: one that was added with `{ signal }` leaves a trace in Node all the same, some 25 kB a stream, for as long as the
// process runs (nodejs/node#63954), and so does one that stays on a request's own signal (nodejs/undici#5822).

/**
 * Resolves when one of the signals has aborted, or `orWhen` calls what it is given.
 *
 * @param orWhen is called once, with a function that ends the wait.
 */
export function untilAborted(signals: readonly AbortSignal[], orWhen: (over: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      for (const signal of signals) signal.removeEventListener("abort", over);
      resolve();
    };
    for (const signal of signals) signal.addEventListener("abort", over);
    orWhen(over);
    if (signals.some(({ aborted }) => aborted)) over();
  });
}

/** Resolves after a time, or when the signal aborts. */
export async function pauseFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { signal }).catch(() => {});
}
