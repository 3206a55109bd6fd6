import { isListenedTo } from "../frameworks/langgraph.js";
import type { TurnSign } from "../turns/turn-lease.js";

/**
 * A run that shows no sign of life for this long, outside of a model call, may be gone. Other turns may then take its
 * conversation. If none did, the run goes on with it. Most tools take less time.
 */
const MAX_SILENCE_MILLISECONDS = 600_000;
/** A run that was silent for this long counts as gone: it cannot get its conversation back. */
const MAX_WAIT_MILLISECONDS = 86_400_000;
/** A run to whose signal nobody listened for this long is gone, or pauses. Writing a checkpoint takes less time. */
const MAX_ABSENCE_MILLISECONDS = 10_000;

/** Watches whether a run still goes on, as far as that shows. */
export class SignOfLife {
  /** The reference is weak, because nobody else holds the signal of a run that is gone. */
  readonly #signal: WeakRef<AbortSignal> | undefined;
  readonly #ownListeners: (signal: AbortSignal) => number;
  /** LangGraph listens to a run's signal during each step. This does not take it for granted: it looks during a step. */
  #isListenedTo: boolean;
  #latest = Date.now();
  #modelCalls = 0;

  /** @param ownListeners returns how many of the signal's listeners are this library's own. */
  constructor(signal: AbortSignal | undefined, ownListeners: (signal: AbortSignal) => number) {
    this.#signal = signal && new WeakRef(signal);
    this.#ownListeners = ownListeners;
    this.#isListenedTo = this.#hasListeners();
  }

  /** Returns the sign that a lease asks for. */
  readonly sign = (): TurnSign => {
    if (this.#modelCalls > 0) return "alive";
    const silence = Date.now() - this.#latest;
    if (this.isGone() || silence >= MAX_WAIT_MILLISECONDS) return "gone";
    return silence < MAX_SILENCE_MILLISECONDS ? "alive" : "silent";
  };

  /** Returns true for a run that paused, or that ended without its hooks being told. */
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

  /** Makes a call of a model, during which the run counts as alive. */
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
