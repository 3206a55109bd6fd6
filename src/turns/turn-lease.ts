import { observe } from "../diagnostics/operations.js";
import { setTimeout as pause } from "node:timers/promises";
import type { StopReason, TurnQueue } from "../chat-history/message-log.js";
import { AnswerStoppedError, ConversationBusyError } from "../errors.js";
import { newOperationId } from "../redis/operation.js";

/** The pause of the next turn in line between two tries. Turns further back pause longer, in proportion. */
const MIN_PAUSE_MILLISECONDS = 25;
/** The longest pause. A fraction of the two seconds after which the line passes over a silent turn. */
const MAX_PAUSE_MILLISECONDS = 500;

export interface LeaseOptions {
  /**
   * Decides what a turn does while another one runs: wait in line, first come first served; give up at once; or stop the
   * other turn and follow it.
   */
  readonly concurrency: "wait" | "reject" | "interrupt";
  /** The time for which the conversation stays taken after its holder is gone. A live holder renews the lease in time. */
  readonly leaseMilliseconds: number;
  /** The longest time that a turn waits in line. The last try may take up to the deadline in addition. */
  readonly waitForMilliseconds: number;
  readonly signal?: AbortSignal | undefined;
  /** Called before each renewal. Without it, the turn counts as alive. */
  readonly sign?: (() => TurnSign) | undefined;
}

/**
 * The sign of life of a running turn. The lease of a silent turn lapses. When the turn shows a sign of life again, it takes
 * the lease again, unless another turn took the conversation. A turn that is gone, or pauses, gives its conversation back.
 */
export type TurnSign = "alive" | "silent" | "gone";

/**
 * Takes the conversation for one turn.
 *
 * A waiting turn tries again and again. Turns are served in the order of their first tries, and a turn that has not tried
 * for two seconds is passed over. A call that fails leaves the line in the background.
 *
 * @throws ConversationBusyError if another turn runs, and `concurrency` is `"reject"` or `waitForMilliseconds` have passed.
 * @throws AnswerStoppedError if `concurrency` is `"interrupt"`, and a later turn interrupts too.
 * @throws SessionNotFoundError if the session is not live, or ends during the wait.
 * @throws StoreUnavailableError at once if Redis does not answer.
 * @throws the reason of `signal`, as soon as it aborts.
 */
export async function takeLease(queue: TurnQueue, options: LeaseOptions): Promise<TurnLease> {
  const { signal } = options;
  if (signal?.aborted) throw reasonOf(signal);
  const token = newOperationId();
  const observation = observe("lease.wait", queue.subject);
  const waiting = untilGranted(queue, token, options);
  try {
    await (signal ? unlessAborted(waiting, signal) : waiting);
    observation?.end({ outcome: "granted" });
  } catch (error) {
    observation?.fail(error);
    // A turn that was refused at once has no place in the line, so there is nothing to give back.
    const refused = options.concurrency === "reject" && error instanceof ConversationBusyError;
    if (!refused) void leave(queue, token, waiting);
    throw error;
  }
  return new TurnLease(queue, token, options);
}

/** A turn's hold on its conversation. */
export interface Hold {
  readonly token: string;
  /** Aborts with an AnswerStoppedError when the turn has to stop. */
  readonly signal: AbortSignal;
  /** Gives the conversation back. */
  release(): Promise<void>;
  /** Stops renewing the hold. */
  stop(): void;
}

/** A hold that renews itself until it is released, stopped or lost. */
export class TurnLease implements Hold {
  readonly token: string;
  readonly #controller = new AbortController();
  readonly #unlisten: () => void;
  readonly #queue: TurnQueue;
  readonly #timer: NodeJS.Timeout;
  #renewing = false;
  /** True if Redis has to be asked again, because the renewal under way may have run before the question came up. */
  #asksAgain = false;
  #isOver = false;

  constructor(queue: TurnQueue, token: string, options: Pick<LeaseOptions, "leaseMilliseconds" | "sign">) {
    this.token = token;
    this.#queue = queue;
    const { leaseMilliseconds, sign = () => "alive" } = options;
    const look = (): void => {
      const found = sign();
      if (found === "alive") void this.#renew(leaseMilliseconds);
      else if (found === "gone") void this.release();
    };
    const ask = (): void => {
      this.#asksAgain = this.#renewing;
      look();
    };
    const listener = { stop: (reason: StopReason) => this.#abort(reason), ask };
    this.#unlisten = queue.listen?.(token, listener) ?? (() => {});
    // A forgotten turn must not keep the process running.
    this.#timer = setInterval(look, leaseMilliseconds / 3).unref();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Gives the conversation back. Never throws: if Redis cannot be reached, the lease runs out by itself. */
  async release(): Promise<void> {
    this.stop();
    await this.#queue.release(this.token).catch(() => {});
  }

  /** Stops renewing the lease. Call it after a write that released the lease. A lease that is still held runs out. */
  stop(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#unlisten();
  }

  /** Aborts the turn. Its lease is not renewed any more, so the turn has only the rest of the lease to stop. */
  #abort(reason: StopReason): void {
    this.stop();
    this.#controller.abort(new AnswerStoppedError(reason));
  }

  async #renew(leaseMilliseconds: number): Promise<void> {
    // While one renewal is under way, another would only wait for the same connection.
    if (this.#renewing) return;
    this.#renewing = true;
    try {
      const found = await this.#queue.renew(this.token, leaseMilliseconds);
      if (found === "lost") this.stop();
      else if (found !== "held") this.#abort(found);
    } catch {
      // Redis does not answer. At the next renewal it may be back, and the lease may still be held.
    } finally {
      this.#renewing = false;
    }
    // The lease of a turn that has to stop is not renewed.
    if (!this.#asksAgain || this.#isOver) return;
    this.#asksAgain = false;
    await this.#renew(leaseMilliseconds);
  }
}

async function untilGranted(queue: TurnQueue, token: string, options: LeaseOptions): Promise<void> {
  const { concurrency: mode, leaseMilliseconds, waitForMilliseconds, signal } = options;
  const giveUpAt = performance.now() + waitForMilliseconds;
  let ticket = "";
  for (;;) {
    const answer = await queue.acquire({ token, ticket, leaseMilliseconds, mode });
    if (answer.outcome === "granted") return;
    if (answer.outcome === "superseded") throw new AnswerStoppedError("superseded");
    ticket = answer.ticket;
    const left = giveUpAt - performance.now();
    // Timers count whole milliseconds, and may fire one early, so a rest of less than one counts as no time left.
    if (mode === "reject" || left < 1) throw new ConversationBusyError("taken");
    await pause(Math.ceil(Math.min(pauseAt(answer.position), left)), undefined, { signal });
  }
}

function pauseAt(position: number): number {
  return Math.min(MIN_PAUSE_MILLISECONDS * (position + 1), MAX_PAUSE_MILLISECONDS);
}

/** Leaves the line after the try that is under way, because that try may still be granted. */
async function leave(queue: TurnQueue, token: string, waiting: Promise<void>): Promise<void> {
  await waiting.catch(() => {});
  await queue.release(token).catch(() => {});
}

function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(reasonOf(signal));
    signal.addEventListener("abort", abort, { once: true });
    // Remove the listener, because many turns may share one signal, which would keep a listener of each.
    work.finally(() => signal.removeEventListener("abort", abort)).then(resolve, reject);
  });
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new DOMException("The wait was aborted", "AbortError");
}
