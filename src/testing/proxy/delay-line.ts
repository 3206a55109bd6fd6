/** Runs actions in the order in which they were pushed, each after the delay that applied when it was pushed. */
export class DelayLine {
  readonly #delayMilliseconds: () => number;
  readonly #waiting: { readonly due: number; readonly action: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(delayMilliseconds: () => number) {
    this.#delayMilliseconds = delayMilliseconds;
  }

  push(action: () => void): void {
    const delay = this.#delayMilliseconds();
    const last = this.#waiting.at(-1);
    if (delay === 0 && last === undefined) {
      action();
      return;
    }
    // An action never overtakes the one before it, even if the delay has become shorter.
    const due = Math.max(performance.now() + delay, last?.due ?? 0);
    this.#waiting.push({ due, action });
    if (last === undefined) this.#schedule(due);
  }

  /** Runs all waiting actions at once. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#runUntil(Infinity);
  }

  /** Discards all waiting actions. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #schedule(due: number): void {
    this.#timer = setTimeout(
      () => {
        // A timer may fire a fraction of a millisecond early, but the delay is a minimum. So only actions that are due
        // run.
        this.#runUntil(performance.now());
        const next = this.#waiting[0];
        if (next !== undefined) this.#schedule(next.due);
      },
      Math.max(0, Math.ceil(due - performance.now())),
    );
  }

  #runUntil(moment: number): void {
    for (let next = this.#waiting[0]; next !== undefined && next.due <= moment; next = this.#waiting[0]) {
      this.#waiting.shift();
      next.action();
    }
  }
}
