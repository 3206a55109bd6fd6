/**
 * A run that shows no sign of life for so long, outside of a model call, is taken for paused or gone: its conversation
 * is given back. When it goes on, it asks for it again. Longer than most tools run.
 */
const LONGEST_SILENCE_MILLISECONDS = 600_000;

/** Tells whether a run still goes on, as far as that shows. */
export class SignOfLife {
  /** Of a run that is gone nobody holds the signal. */
  readonly #signal: WeakRef<AbortSignal> | undefined;
  #latest = Date.now();
  #modelCalls = 0;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal && new WeakRef(signal);
  }

  readonly isAlive = (): boolean => {
    if (this.#signal && this.#signal.deref() === undefined) return false;
    return this.#modelCalls > 0 || Date.now() - this.#latest < LONGEST_SILENCE_MILLISECONDS;
  };

  show(): void {
    this.#latest = Date.now();
  }

  async during<Value>(call: () => Promise<Value>): Promise<Value> {
    this.#modelCalls += 1;
    try {
      return await call();
    } finally {
      this.#modelCalls -= 1;
      this.show();
    }
  }
}
