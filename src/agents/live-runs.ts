import type { LiveRun } from "./live-run.js";
import type { SignOfLife } from "./sign-of-life.js";

/** The time between two checks of a run that cannot pause. */
const LOOK_MILLISECONDS = 2_000;

/** The runs of one agent that are under way in this process. Each is found by its signal and its turn. */
export class LiveRuns {
  /** Weak, because a signal that LangGraph made lives only as long as its run. A caller's own signal may outlive the run. */
  readonly #bySignal = new WeakMap<AbortSignal, Map<string, LiveRun>>();

  /** Returns the run, or `undefined` if it was paused, or began in another process. */
  find(signal: AbortSignal | undefined, turn: string): LiveRun | undefined {
    return signal && this.#bySignal.get(signal)?.get(turn);
  }

  /** Returns the number of this agent's runs that listen to the signal. */
  countOf(signal: AbortSignal): number {
    return this.#bySignal.get(signal)?.size ?? 0;
  }

  /**
   * Keeps a run until it is over, and interrupts it when its signal aborts.
   *
   * @param life tells whether the run still goes on. Absent for a run that can pause: if such a run is silent, it may wait
   * for a person, and the checkpoint has its messages.
   */
  enter(run: LiveRun, signal: AbortSignal, life: SignOfLife | undefined): void {
    const { turn } = run.record;
    const runs = this.#bySignal.get(signal) ?? new Map<string, LiveRun>();
    this.#bySignal.set(signal, runs);
    runs.set(turn, run);
    const abort = (): void => void run.interrupt();
    const looking = life && lookAfter(run, life);
    // A weak reference, because the timer must not keep the signal of a run that is gone.
    const reference = new WeakRef(signal);
    // A signal that the caller passed may last, so remove the listener, or the signal would keep the run in memory.
    run.whenOver = (how) => {
      reference.deref()?.removeEventListener("abort", abort);
      // A stopped run may still be under way, for example in a tool. Its next hook must find it here, and not resume it.
      if (how !== "stopped") runs.delete(turn);
      clearInterval(looking);
    };
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  }
}

/**
 * Interrupts a run that ended without a call of its hooks: another middleware threw, or jumped to the end before the
 * model was called, or the recursion limit was reached.
 */
function lookAfter(run: LiveRun, life: SignOfLife): NodeJS.Timeout {
  return setInterval(() => {
    if (life.isGone()) void run.interrupt();
  }, LOOK_MILLISECONDS).unref();
}
