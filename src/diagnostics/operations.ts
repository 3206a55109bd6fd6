import { channel } from "node:diagnostics_channel";
import { isLangChainRedisError } from "../errors/langchain-redis-error.js";

/**
 * The name of the channel of `node:diagnostics_channel` on which the end of every operation is published, as an
 * `OperationEnd`. Without subscribers, nothing is measured and nothing is made.
 */
export const OPERATIONS_CHANNEL = "langchain-redis-sessions:operation";

const ends = channel(OPERATIONS_CHANNEL);

/** What the operation was about. These names may be those of people: an observer hashes them, or leaves them out. */
export interface Subject {
  /** Whose data it is, such as `user:<tag>` for the owner of sessions, `history:<id>` for a standalone history. */
  readonly owner?: string | undefined;
  /** Of a session. */
  readonly conversationId?: string | undefined;
  readonly agentId?: string | undefined;
}

/** What is told of an operation when it has ended: never a text, a token, a value, a key or an id. */
export interface OperationEnd {
  /** Such as `session.verify`. */
  readonly operation: string;
  /** What came of it, such as `created`. Absent for a plain read, and when it failed. */
  readonly outcome?: string | undefined;
  /** Why it failed: the `code` of an error of this library, the class of any other. */
  readonly error?: string | undefined;
  readonly milliseconds: number;
  /** To Redis. 0 for what asks Redis by operations of its own, such as a turn. */
  readonly roundTrips: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** How many of what it changed, such as `{ evicted: 1 }`. */
  readonly counts?: Readonly<Record<string, number>> | undefined;
}

/** Counts what an operation sends and receives. */
export interface Tally {
  roundTrips: number;
  bytesSent: number;
  bytesReceived: number;
}

/** What an operation came to. */
export type Told = Pick<OperationEnd, "outcome" | "counts">;

/** Somebody who is told when operations begin, and not only when they have ended. There is one at most in a process. */
export interface Observer {
  /** @param asksRedis false for what asks Redis by operations of its own. */
  begin(operation: string, subject: Subject | undefined, asksRedis: boolean): Observed;
  /** Runs a function of the caller's in the context in which the caller has called. */
  outside<Result>(work: () => Result): Result;
}

export interface Observed {
  /** Runs what the operation does, in a context of the observer's. */
  around<Result>(work: () => Result): Result;
  end(end: OperationEnd): void;
}

let observer: Observer | undefined;

/** Sets the observer, in place of the one before. Returns a function that takes this one away again. */
export function setObserver(next: Observer): () => void {
  observer = next;
  return () => {
    if (observer === next) observer = undefined;
  };
}

/** Ask this before anything else: while nobody observes, an operation makes nothing for it. */
export function isObserved(): boolean {
  return observer !== undefined || ends.hasSubscribers;
}

/** Runs a function of the caller's within an operation, such as one that asks a key management service. */
export function outside<Result>(work: () => Result): Result {
  return observer === undefined ? work() : observer.outside(work);
}

/** An operation that is observed, from its beginning to its end. */
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

  /** Tells what came of it. What is told later is not heard. */
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

/** Begins to observe what asks Redis by operations of its own; `undefined` while nobody observes. */
export function observe(operation: string, subject: Subject | undefined): Observation | undefined {
  return isObserved() ? new Observation(operation, subject, false) : undefined;
}

/** Runs an operation of Redis, and tells how it ended. */
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
