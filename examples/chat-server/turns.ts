import type { Answer } from "langchain-redis-sessions";
import { type OwnCode, ServiceError } from "./problems.js";

// An answer goes on when its reader leaves. It is stopped by who may stop it, when it takes too long, and when the server
// cannot wait for it: what was said until then is stored, marked as interrupted.

export interface RunningTurn {
  readonly signal: AbortSignal;
  /** It is over, however it went. */
  readonly end: () => void;
}

/** The turns that this process runs at the moment. */
export class RunningTurns {
  readonly #running = new Set<(code: OwnCode) => void>();
  readonly #longestMilliseconds: number;
  #whenIdle: (() => void)[] = [];

  constructor(longestSeconds: number) {
    this.#longestMilliseconds = longestSeconds * 1_000;
  }

  begin(answer: Pick<Answer, "send">): RunningTurn {
    const controller = new AbortController();
    const stop = (code: OwnCode): void => {
      if (controller.signal.aborted) return;
      const reason = new ServiceError(code);
      // Its readers are told why, wherever they are: the end of an answer says only that it broke off.
      answer.send({ type: "problem", problem: reason.problem });
      controller.abort(reason);
    };
    const timer = setTimeout(() => stop("TURN_TIMED_OUT"), this.#longestMilliseconds);
    this.#running.add(stop);
    return {
      signal: controller.signal,
      end: () => {
        clearTimeout(timer);
        this.#running.delete(stop);
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
    for (const stop of this.#running) stop("SHUTTING_DOWN");
  }
}
