import { observe } from "../diagnostics/operations.js";
import { setTimeout as pause } from "node:timers/promises";
import type { StopReason, TurnQueue } from "../chat-history/message-log.js";
import { AnswerStoppedError, ConversationBusyError } from "../errors.js";
import { newOperationId } from "../redis/operation.js";

/** How long the next turn in line sleeps between two tries. Turns further back sleep longer, in proportion. */
const MIN_PAUSE_MILLISECONDS = 25;
/** A fraction of the two seconds after which a silent turn is passed over, so that no turn sleeps through its place. */
const MAX_PAUSE_MILLISECONDS = 500;

export interface LeaseOptions {
  /**
   * What a turn does while another one runs: it waits in line, first come first served, gives up at once, or stops the other
   * one and follows it.
   */
  readonly concurrency: "wait" | "reject" | "interrupt";
  /** How long the conversation stays taken after its holder is gone. A holder that lives renews the lease in time. */
  readonly leaseMilliseconds: number;
  /** How long a turn waits in line. The last try may take up to the deadline in addition. */
  readonly waitForMilliseconds: number;
  readonly signal?: AbortSignal | undefined;
  /** Called before each renewal. Without it, the turn counts as alive. */
  readonly sign?: (() => TurnSign) | undefined;
}

/**
 * What is known of a turn that runs. The lease of a silent turn lapses. It is taken again when the turn is heard of,
 * unless another turn took the conversation. A turn that is gone, or pauses, gives its conversation back.
 */
export type TurnSign = "alive" | "silent" | "gone";

/**
 * Takes the conversation for one turn.
 *
 * Turns wait by asking again and again, and are served in the order in which they first asked. A turn that is not heard
 * of for two seconds is passed over. When this fails, it leaves the line in the background.
 *
 * @throws ConversationBusyError when another turn runs and `concurrency` is `"reject"`, or `waitForMilliseconds` have passed.
 * @throws AnswerStoppedError when `concurrency` is `"interrupt"`, and a later turn does the same.
 * @throws SessionNotFoundError when the session is no longer live, also while waiting.
 * @throws StoreUnavailableError, at once, when Redis does not answer.
 * @throws the reason of `signal`, at once when it aborts.
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
    // A turn that is refused at once leaves no trace.
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
  release(): Promise<void>;
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

  constructor(queue: TurnQueue, token: string, options: Pick<LeaseOptions, "leaseMilliseconds" | "sign">) {
    this.token = token;
    this.#queue = queue;
    const { leaseMilliseconds, sign = () => "alive" } = options;
    const look = (): void => {
      const found = sign();
      if (found === "alive") void this.#renew(leaseMilliseconds);
      else if (found === "gone") void this.release();
    };
    const listener = { stop: (reason: StopReason) => this.#abort(reason), ask: look };
    this.#unlisten = queue.listen?.(token, listener) ?? (() => {});
    // A turn that is forgotten must not keep the process running.
    this.#timer = setInterval(look, leaseMilliseconds / 3).unref();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Gives the conversation back. Never throws: when Redis cannot be reached, the lease runs out by itself. */
  async release(): Promise<void> {
    this.stop();
    await this.#queue.release(this.token).catch(() => {});
  }

  /** Stops renewing the lease. Call it after a write that released the lease; one that is still held runs out. */
  stop(): void {
    clearInterval(this.#timer);
    this.#unlisten();
  }

  /** A turn that has to stop gets no more time for it. */
  #abort(reason: StopReason): void {
    this.stop();
    this.#controller.abort(new AnswerStoppedError(reason));
  }

  async #renew(leaseMilliseconds: number): Promise<void> {
    // While one renewal hangs, another would only wait for the same connection.
    if (this.#renewing) return;
    this.#renewing = true;
    try {
      const found = await this.#queue.renew(this.token, leaseMilliseconds);
      if (found === "lost") this.stop();
      else if (found !== "held") this.#abort(found);
    } catch {
      // Redis is away. At the next renewal it may be back, and the lease may still be held.
    } finally {
      this.#renewing = false;
    }
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
    // Timers count whole milliseconds, and fire up to one early, so nothing sleeps for less than one.
    if (mode === "reject" || left < 1) throw new ConversationBusyError("taken");
    await pause(Math.ceil(Math.min(pauseAt(answer.position), left)), undefined, { signal });
  }
}

function pauseAt(position: number): number {
  return Math.min(MIN_PAUSE_MILLISECONDS * (position + 1), MAX_PAUSE_MILLISECONDS);
}

/** Leaves the line after the try that is under way, which may still be granted. */
async function leave(queue: TurnQueue, token: string, waiting: Promise<void>): Promise<void> {
  await waiting.catch(() => {});
  await queue.release(token).catch(() => {});
}

function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(reasonOf(signal));
    signal.addEventListener("abort", abort, { once: true });
    // A signal that many turns share must not keep a listener of each.
    work.finally(() => signal.removeEventListener("abort", abort)).then(resolve, reject);
  });
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new DOMException("The wait was aborted", "AbortError");
}
