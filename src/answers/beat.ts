/** The most milliseconds that a run waits for others. */
const MOST_MILLISECONDS = 10;

/** What is due at the same time. */
interface Due {
  readonly runs: Set<() => void>;
  readonly timer: NodeJS.Timeout;
}

/** What is due, by time. */
const due = new Map<number, Due>();

/**
 * Runs a function after a time, together with others that are due at nearly the same time. The commands that they send
 * are then written together. The time becomes longer by up to a fifth of `window`, and by 10 milliseconds at most.
 *
 * @returns a function that takes the run back.
 */
export function onBeat(run: () => void, milliseconds: number, window: number): () => void {
  const grid = Math.max(1, Math.min(window / 5, MOST_MILLISECONDS));
  const now = performance.now();
  const at = Math.ceil((now + Math.max(0, milliseconds)) / grid) * grid;
  const found = due.get(at);
  const runs = found?.runs ?? new Set();
  const start = (): void => {
    due.delete(at);
    for (const one of runs) one();
  };
  // A forgotten answer must not keep the process running.
  const timer = found?.timer ?? setTimeout(start, at - now).unref();
  due.set(at, { runs, timer });
  runs.add(run);
  return () => {
    if (!runs.delete(run) || runs.size > 0 || due.get(at)?.runs !== runs) return;
    clearTimeout(timer);
    due.delete(at);
  };
}
