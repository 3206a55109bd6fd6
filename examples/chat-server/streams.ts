import { countedUser } from "./counted.js";
import type { Identity } from "langchain-redis-sessions/http";
import { ServiceError } from "./problems.js";

/** Long enough for a stream of a page that was closed to be noticed. */
const RETRY_SECONDS = 10;

/** The streams that users have open on this process. Each takes a connection and memory for as long as it is open. */
export class OpenStreams {
  readonly #open = new Map<string, number>();
  readonly #most: number;

  /** @param most how many a user may have open at the same time. */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Counts one more.
   *
   * @returns what has to be called when the stream is over, once.
   * @throws ServiceError `TOO_MANY_STREAMS`, with the seconds to wait.
   */
  begin(user: Identity): () => void {
    const key = countedUser(user);
    const open = this.#open.get(key) ?? 0;
    if (open >= this.#most) throw new ServiceError("TOO_MANY_STREAMS", { retryAfter: RETRY_SECONDS });
    this.#open.set(key, open + 1);
    return () => {
      const left = (this.#open.get(key) ?? 1) - 1;
      if (left > 0) this.#open.set(key, left);
      else this.#open.delete(key);
    };
  }
}
