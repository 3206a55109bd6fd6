/** Runs actions in the order in which they were pushed, each as much later as the delay says at that moment. */
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
    // Never before the one in front, also when the delay was made shorter in between.
    const due = Math.max(performance.now() + delay, last?.due ?? 0);
    this.#waiting.push({ due, action });
    if (last === undefined) this.#schedule(due);
  }

  /** Runs at once what is waiting. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#runUntil(Infinity);
  }

  /** Forgets what is waiting. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #schedule(due: number): void {
    this.#timer = setTimeout(
      () => {
        // A timer may fire a fraction of a millisecond early; the delay is promised as a minimum.
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
