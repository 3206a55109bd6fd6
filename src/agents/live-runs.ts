import type { LiveRun } from "./live-run.js";
import type { SignOfLife } from "./sign-of-life.js";

/** How often a run that cannot pause is looked after. */
const LOOK_MILLISECONDS = 2_000;

/** Holds the runs of one agent that are under way in this process. Each is found by the signal of its run, and its turn. */
export class LiveRuns {
  /** A signal lives no longer than whatever waits for its run. A caller's own signal may last. */
  readonly #bySignal = new WeakMap<AbortSignal, Map<string, LiveRun>>();

  /** Returns the run, or `undefined` when it was paused, or began in another process. */
  find(signal: AbortSignal | undefined, turn: string): LiveRun | undefined {
    return signal && this.#bySignal.get(signal)?.get(turn);
  }

  /** Returns how many runs of this agent listen to the signal. */
  countOf(signal: AbortSignal): number {
    return this.#bySignal.get(signal)?.size ?? 0;
  }

  /**
   * Keeps a run until it is over, and interrupts it when its signal aborts.
   *
   * @param life shows whether the run still goes on. Absent for a run that can pause: a silent one may wait for a person,
   * and what it has so far is in the checkpoint.
   */
  enter(run: LiveRun, signal: AbortSignal, life: SignOfLife | undefined): void {
    const { turn } = run.record;
    const runs = this.#bySignal.get(signal) ?? new Map<string, LiveRun>();
    this.#bySignal.set(signal, runs);
    runs.set(turn, run);
    const abort = (): void => void run.interrupt();
    const looking = life && lookAfter(run, life);
    // What looks after a run must not keep the signal of a run that is gone.
    const reference = new WeakRef(signal);
    // A run that is over must not stay in memory for as long as a signal that the caller passed.
    run.whenOver = (how) => {
      reference.deref()?.removeEventListener("abort", abort);
      // One that was stopped is still under way, in a tool perhaps. Its next hook must find it, and not take it up again.
      if (how !== "stopped") runs.delete(turn);
      clearInterval(looking);
    };
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  }
}

/**
 * Interrupts a run that ended without its hooks being told: another middleware threw, or jumped to the end before the
 * model was called, or the recursion limit was reached.
 */
function lookAfter(run: LiveRun, life: SignOfLife): NodeJS.Timeout {
  return setInterval(() => {
    if (life.isGone()) void run.interrupt();
  }, LOOK_MILLISECONDS).unref();
}
