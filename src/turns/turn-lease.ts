import { setTimeout as pause } from "node:timers/promises";
import { ConversationBusyError } from "../errors.js";
import { newOperationId } from "../redis/operation.js";
import type { TurnQueue } from "../chat-history/message-log.js";

/** How long the next in line sleeps between two tries; whoever stands further back, proportionally longer. */
const MIN_PAUSE_MILLISECONDS = 25;
/** A fraction of the heartbeat, so that a place is not lost by sleeping. */
const MAX_PAUSE_MILLISECONDS = 500;

export interface LeaseOptions {
  /** What to do while another turn runs: stand in line, first come first served, or give up at once. */
  readonly concurrency: "wait" | "reject";
  /** How long the conversation stays taken when its holder is gone. A holder that lives renews in time. */
  readonly leaseMilliseconds: number;
  /** How long to stand in line; what the last try takes comes on top, at most the deadline. */
  readonly waitForMilliseconds: number;
  readonly signal?: AbortSignal | undefined;
  /** Asked before each renewal; absent, the turn is alive. */
  readonly sign?: (() => TurnSign) | undefined;
}

/**
 * What is known of a turn that runs. The lease of a silent one lapses, and is taken again when it is heard of, unless
 * another turn took the conversation. One that is gone, or pauses, gives its conversation back.
 */
export type TurnSign = "alive" | "silent" | "gone";

/**
 * Takes the conversation for one turn.
 *
 * Turns wait by asking again and again, and are served in the order in which they first asked; one that is not heard of
 * for two seconds is passed over. Whatever way this fails, it leaves the line in the background.
 *
 * @throws ConversationBusyError when another turn runs and `concurrency` is `"reject"`, or `waitForMilliseconds` have passed.
 * @throws SessionNotFoundError when the session is no longer live, also while waiting.
 * @throws StoreUnavailableError, at once, when Redis does not answer.
 * @throws the reason of `signal`, at once when it aborts.
 */
export async function takeLease(queue: TurnQueue, options: LeaseOptions): Promise<TurnLease> {
  const { signal } = options;
  if (signal?.aborted) throw reasonOf(signal);
  const token = newOperationId();
  const waiting = untilGranted(queue, token, options);
  try {
    await (signal ? unlessAborted(waiting, signal) : waiting);
  } catch (error) {
    // What was refused at once left no trace.
    const refused = options.concurrency === "reject" && error instanceof ConversationBusyError;
    if (!refused) void leave(queue, token, waiting);
    throw error;
  }
  return new TurnLease(queue, token, options);
}

/** A turn's hold on its conversation. It renews itself until it is released, stopped or lost. */
export class TurnLease {
  readonly token: string;
  readonly #queue: TurnQueue;
  readonly #timer: NodeJS.Timeout;
  #renewing = false;
  #lost = false;

  constructor(queue: TurnQueue, token: string, options: Pick<LeaseOptions, "leaseMilliseconds" | "sign">) {
    this.token = token;
    this.#queue = queue;
    const { leaseMilliseconds, sign = () => "alive" } = options;
    const look = (): void => {
      const found = sign();
      if (found === "alive") void this.#renew(leaseMilliseconds);
      else if (found === "gone") void this.release();
    };
    // A turn that is forgotten must not keep the process running.
    this.#timer = setInterval(look, leaseMilliseconds / 3).unref();
  }

  /** Redis has said that the lease is no longer this turn's: what the turn writes under it will be refused. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Gives the conversation back. Never throws: where it fails, the lease runs out by itself. */
  async release(): Promise<void> {
    this.stop();
    await this.#queue.release(this.token).catch(() => {});
  }

  /** Ends the renewing: after a write that released the lease. A lease that is still held runs out by itself. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #renew(leaseMilliseconds: number): Promise<void> {
    // One that hangs is not joined by others: they would all wait for the same connection.
    if (this.#renewing) return;
    this.#renewing = true;
    try {
      if ((await this.#queue.renew(this.token, leaseMilliseconds)) === "lost") {
        this.#lost = true;
        this.stop();
      }
    } catch {
      // Redis is away; the next time it may be there, and the lease still be held.
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
    ticket = answer.ticket;
    const left = giveUpAt - performance.now();
    // Timers know whole milliseconds only, and fire up to one early: less than one is no time to sleep for.
    if (mode === "reject" || left < 1) throw new ConversationBusyError("taken");
    await pause(Math.ceil(Math.min(pauseAt(answer.position), left)), undefined, { signal });
  }
}

function pauseAt(position: number): number {
  return Math.min(MIN_PAUSE_MILLISECONDS * (position + 1), MAX_PAUSE_MILLISECONDS);
}

/** A try that is under way may still be granted, so the line is left after it. */
async function leave(queue: TurnQueue, token: string, waiting: Promise<void>): Promise<void> {
  await waiting.catch(() => {});
  await queue.release(token).catch(() => {});
}

function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(reasonOf(signal));
    signal.addEventListener("abort", abort, { once: true });
    work.finally(() => signal.removeEventListener("abort", abort)).then(resolve, reject);
  });
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new DOMException("The wait was aborted", "AbortError");
}
