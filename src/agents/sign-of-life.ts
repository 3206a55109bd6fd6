import { isListenedTo } from "../frameworks/langgraph.js";
import type { TurnSign } from "../turns/turn-lease.js";

/**
 * A run that shows no sign of life for this time, outside of a model call, may be gone, so other turns may take its
 * conversation. If no turn did, the run goes on. Most tools take less time.
 */
const MAX_SILENCE_MILLISECONDS = 600_000;
/** A run that is silent for this time counts as gone. It cannot get its conversation back. */
const MAX_WAIT_MILLISECONDS = 86_400_000;
/** A run whose signal has no listener for this time is gone, or pauses. Writing a checkpoint takes less time. */
const MAX_ABSENCE_MILLISECONDS = 10_000;

/** Finds out whether a run still goes on. Nothing reports the end of a run, so this looks for listeners of its signal. */
export class SignOfLife {
  /** A weak reference. Once it is empty, the run is gone, because only a run that goes on keeps its signal. */
  readonly #signal: WeakRef<AbortSignal> | undefined;
  readonly #ownListeners: (signal: AbortSignal) => number;
  /** True if LangGraph listens to the run's signal during a step. This is looked up, because it is not documented. */
  #isListenedTo: boolean;
  #latest = Date.now();
  #modelCalls = 0;

  /** @param ownListeners returns the number of the signal's listeners that belong to this library. */
  constructor(signal: AbortSignal | undefined, ownListeners: (signal: AbortSignal) => number) {
    this.#signal = signal && new WeakRef(signal);
    this.#ownListeners = ownListeners;
    this.#isListenedTo = this.#hasListeners();
  }

  /** Returns the sign of life for the lease. */
  readonly sign = (): TurnSign => {
    if (this.#modelCalls > 0) return "alive";
    const silence = Date.now() - this.#latest;
    if (this.isGone() || silence >= MAX_WAIT_MILLISECONDS) return "gone";
    return silence < MAX_SILENCE_MILLISECONDS ? "alive" : "silent";
  };

  /** Returns true for a run that paused, or that ended without a call of its hooks. */
  isGone(): boolean {
    if (this.#modelCalls > 0) return false;
    if (this.#signal && this.#signal.deref() === undefined) return true;
    const isAbsent = this.#isListenedTo && !this.#hasListeners();
    return isAbsent && Date.now() - this.#latest >= MAX_ABSENCE_MILLISECONDS;
  }

  /** Notes that the run goes on. */
  show(): void {
    this.#latest = Date.now();
  }

  /** Calls a model. The run counts as alive during the call. */
  async during<Value>(call: () => Promise<Value>): Promise<Value> {
    this.#isListenedTo = this.#hasListeners();
    this.#modelCalls += 1;
    try {
      return await call();
    } finally {
      this.#modelCalls -= 1;
      this.show();
    }
  }

  #hasListeners(): boolean {
    const signal = this.#signal?.deref();
    return signal !== undefined && isListenedTo(signal, this.#ownListeners(signal));
  }
}
