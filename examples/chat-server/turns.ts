import { ServiceError } from "./problems.js";

// A turn is stopped when nobody listens any more, when it takes too long, and when the server cannot wait for it: what
// was said until then is stored, marked as interrupted.

export interface RunningTurn {
  readonly signal: AbortSignal;
  /** Nobody listens any more. */
  readonly abandon: () => void;
  /** It is over, however it went. */
  readonly end: () => void;
}

/** The turns that this process runs at the moment. */
export class RunningTurns {
  readonly #running = new Set<AbortController>();
  readonly #longestMilliseconds: number;
  #whenIdle: (() => void)[] = [];

  constructor(longestSeconds: number) {
    this.#longestMilliseconds = longestSeconds * 1_000;
  }

  /** @param client aborts when the connection of who asked is gone. */
  begin(client: AbortSignal): RunningTurn {
    const controller = new AbortController();
    const abandon = (): void => controller.abort(new ServiceError("CLIENT_GONE"));
    const timer = setTimeout(() => controller.abort(new ServiceError("TURN_TIMED_OUT")), this.#longestMilliseconds);
    if (client.aborted) abandon();
    client.addEventListener("abort", abandon, { once: true });
    this.#running.add(controller);
    return {
      signal: controller.signal,
      abandon,
      end: () => {
        clearTimeout(timer);
        client.removeEventListener("abort", abandon);
        this.#running.delete(controller);
        if (this.#running.size === 0) for (const idle of this.#whenIdle.splice(0)) idle();
      },
    };
  }

  get count(): number {
    return this.#running.size;
  }

  /** Resolves when none is running. */
  idle(): Promise<void> {
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
    });
  }

  stopAll(): void {
    for (const controller of this.#running) controller.abort(new ServiceError("SHUTTING_DOWN"));
  }
}
