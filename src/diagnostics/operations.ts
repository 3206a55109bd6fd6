import { channel } from "node:diagnostics_channel";
import { isLangChainRedisError } from "../errors/langchain-redis-error.js";

/**
 * The name of the `node:diagnostics_channel` channel on which the library publishes an {@link OperationEnd} at the end
 * of every operation. Without subscribers, it measures nothing and creates nothing.
 *
 * @example
 * ```ts
 * import { subscribe } from "node:diagnostics_channel";
 *
 * subscribe(OPERATIONS_CHANNEL, (message) => {
 *   const { operation, milliseconds } = message as OperationEnd;
 *   console.log(operation, milliseconds);
 * });
 * ```
 */
export const OPERATIONS_CHANNEL = "langchain-redis-sessions:operation";

const ends = channel(OPERATIONS_CHANNEL);

/** Whose data an operation is about. These names may identify people: an observer hashes them or leaves them out. */
export interface Subject {
  /**
   * The owner of the data, such as `user:<tag>` for the owner of sessions or `history:<id>` for a standalone history.
   */
  readonly owner?: string | undefined;
  /** The conversation of a session. */
  readonly conversationId?: string | undefined;
  readonly agentId?: string | undefined;
}

/** The report of an operation that has ended. It contains no text, token, value, key or id. */
export interface OperationEnd {
  /** The name of the operation, such as `session.verify`. */
  readonly operation: string;
  /** The outcome, such as `created`. Absent for a plain read, and if the operation failed. */
  readonly outcome?: string | undefined;
  /** The reason of a failure: the `code` of an error of this library, or the class of any other error. */
  readonly error?: string | undefined;
  /** The duration of the operation in milliseconds. */
  readonly milliseconds: number;
  /** Round trips to Redis. 0 for an operation that calls Redis through other operations, such as a turn. */
  readonly roundTrips: number;
  /** The bytes of arguments that were sent to Redis, without those of the protocol. */
  readonly bytesSent: number;
  /** The bytes of replies from Redis, without those of the protocol. */
  readonly bytesReceived: number;
  /** The number of things that the operation changed, by kind, such as `{ evicted: 1 }`. */
  readonly counts?: Readonly<Record<string, number>> | undefined;
}

/** Counts what an operation sends and receives. */
export interface Tally {
  roundTrips: number;
  bytesSent: number;
  bytesReceived: number;
}

/** The outcome of an operation. */
export type Told = Pick<OperationEnd, "outcome" | "counts">;

/** Observes the beginnings of operations as well as their ends. A process has at most one observer. */
export interface Observer {
  /** @param asksRedis false for an operation that calls Redis through other operations. */
  begin(operation: string, subject: Subject | undefined, asksRedis: boolean): Observed;
  /** Runs a function of the caller in the context of the caller. */
  outside<Result>(work: () => Result): Result;
}

export interface Observed {
  /** Runs the work of the operation in a context of the observer. */
  around<Result>(work: () => Result): Result;
  end(end: OperationEnd): void;
}

let observer: Observer | undefined;

/** Sets the observer and replaces the previous one. Returns a function that removes this observer. */
export function setObserver(next: Observer): () => void {
  observer = next;
  return () => {
    if (observer === next) observer = undefined;
  };
}

/**
 * Returns whether anybody observes operations. Check this first, so that an operation creates nothing for observers
 * that are not there.
 */
export function isObserved(): boolean {
  return observer !== undefined || ends.hasSubscribers;
}

/**
 * Runs a function of the caller within an operation, such as a call of a key management service, in the context of the
 * caller.
 */
export function outside<Result>(work: () => Result): Result {
  return observer === undefined ? work() : observer.outside(work);
}

/** An observed operation, from its beginning to its end. */
export class Observation {
  readonly #operation: string;
  readonly #began = performance.now();
  readonly #observed: Observed | undefined;
  readonly tally: Tally = { roundTrips: 0, bytesSent: 0, bytesReceived: 0 };
  #hasEnded = false;

  constructor(operation: string, subject: Subject | undefined, asksRedis: boolean) {
    this.#operation = operation;
    this.#observed = observer?.begin(operation, subject, asksRedis);
  }

  around<Result>(work: () => Result): Result {
    return this.#observed === undefined ? work() : this.#observed.around(work);
  }

  /** Reports the outcome. Only the first report counts. */
  end(told: Told): void {
    this.#end(told);
  }

  fail(error: unknown): void {
    this.#end({ error: codeOf(error) });
  }

  #end(told: Pick<OperationEnd, "outcome" | "error" | "counts">): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const milliseconds = performance.now() - this.#began;
    const end: OperationEnd = { operation: this.#operation, ...told, milliseconds, ...this.tally };
    this.#observed?.end(end);
    ends.publish(end);
  }
}

/** Begins to observe an operation that calls Redis through other operations. Returns `undefined` if nobody observes. */
export function observe(operation: string, subject: Subject | undefined): Observation | undefined {
  return isObserved() ? new Observation(operation, subject, false) : undefined;
}

/** Runs an operation that calls Redis, and reports how it ended. */
export async function observed<Result>(
  operation: string,
  subject: Subject | undefined,
  run: (tally: Tally) => Promise<Result>,
  tell: (result: Result) => Told,
): Promise<Result> {
  const observation = new Observation(operation, subject, true);
  try {
    const result = await observation.around(() => run(observation.tally));
    observation.end(tell(result));
    return result;
  } catch (error) {
    observation.fail(error);
    throw error;
  }
}

function codeOf(error: unknown): string {
  if (isLangChainRedisError(error)) return error.code;
  return error instanceof Error ? error.name : "unknown";
}
