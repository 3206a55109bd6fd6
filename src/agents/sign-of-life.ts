import { isListenedTo } from "../frameworks/langgraph.js";
import type { TurnSign } from "../turns/turn-lease.js";

/**
 * A run that shows no sign of life for so long, outside of a model call, may be gone: others may then take its
 * conversation. When nobody did, the run goes on with it. Longer than most tools run.
 */
const MAX_SILENCE_MILLISECONDS = 600_000;
/** A run that was silent for so long is taken for gone: its conversation can no longer be taken again. */
const MAX_WAIT_MILLISECONDS = 86_400_000;
/** A run to whose signal nobody listens for so long is gone, or pauses. Longer than a checkpoint takes to be written. */
const MAX_ABSENCE_MILLISECONDS = 10_000;

/** Tells whether a run still goes on, as far as that shows. */
export class SignOfLife {
  /** Of a run that is gone nobody holds the signal. */
  readonly #signal: WeakRef<AbortSignal> | undefined;
  readonly #ownListeners: (signal: AbortSignal) => number;
  /** Langgraph listens to a run's signal during each step. Not taken for granted: it is looked up during one. */
  #isListenedTo: boolean;
  #latest = Date.now();
  #modelCalls = 0;

  /** @param ownListeners how many of the signal's listeners tell nothing. */
  constructor(signal: AbortSignal | undefined, ownListeners: (signal: AbortSignal) => number) {
    this.#signal = signal && new WeakRef(signal);
    this.#ownListeners = ownListeners;
    this.#isListenedTo = this.#hasListeners();
  }

  readonly sign = (): TurnSign => {
    if (this.#modelCalls > 0) return "alive";
    const silence = Date.now() - this.#latest;
    if (this.isGone() || silence >= MAX_WAIT_MILLISECONDS) return "gone";
    return silence < MAX_SILENCE_MILLISECONDS ? "alive" : "silent";
  };

  /** It paused, or came to an end of which its hooks were not told. */
  isGone(): boolean {
    if (this.#modelCalls > 0) return false;
    if (this.#signal && this.#signal.deref() === undefined) return true;
    const isAbsent = this.#isListenedTo && !this.#hasListeners();
    return isAbsent && Date.now() - this.#latest >= MAX_ABSENCE_MILLISECONDS;
  }

  show(): void {
    this.#latest = Date.now();
  }

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
