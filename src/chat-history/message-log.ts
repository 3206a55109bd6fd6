/** Where a history keeps its entries, and what is checked there before one is read or written. */
export interface MessageLog extends TurnQueue {
  /**
   * The entries from `first` on (negative: counted from the end), and the mark of the clear they came after. The mark is
   * read before the entries: a clear in between then makes the coming append fail, not slip through. `recorded`: whether
   * something was written under the operation id, if one is given.
   */
  read(first: number, operationId?: string): Promise<LogPart>;
  /**
   * Appends a batch whole, once, unless another clear than `seen` has run, or its lease is no longer held. `false`:
   * nothing was appended, because `seen` was {@link EXPECT_NEW} and something was there.
   */
  append(batch: Batch): Promise<boolean>;
  /** Removes all entries, and returns the mark of this clear. */
  clear(operationId: string): Promise<string>;
  length(): Promise<number>;
}

/** The line in which the turns of one conversation stand. Whatever is repeated here is harmless. */
export interface TurnQueue {
  /** One try to hold the conversation; in `"wait"` mode also a sign of life, without which a place is soon lost. */
  acquire(attempt: LeaseAttempt): Promise<LeaseAnswer>;
  /** Whether the lease is still that turn's; if so, it is for so much longer. */
  renew(token: string, leaseMilliseconds: number): Promise<"held" | "lost">;
  /** Gives back the lease, or the place in the line. */
  release(token: string): Promise<void>;
}

export interface LeaseAttempt {
  readonly token: string;
  /** As the first try returned it; `""` at the first. */
  readonly ticket: string;
  readonly leaseMilliseconds: number;
  readonly mode: "wait" | "reject";
}

export interface LeaseAnswer {
  readonly outcome: "granted" | "busy";
  readonly ticket: string;
  /** How many wait in front of this turn; the one that runs is none of them. */
  readonly position: number;
}

export interface LogPart {
  readonly seen: string;
  readonly entries: readonly string[];
  readonly recorded: boolean;
}

/** The lease of the turn that writes, and what becomes of it. */
export interface HeldLease {
  readonly token: string;
  /** `"keep"`: the turn goes on and will write again. `"release"`: this write ends it. */
  readonly after: "keep" | "release";
}

/** Returns the arguments of a script that a turn writes with. */
export function heldBy(lease: HeldLease | undefined): { token: string; after: "keep" | "release" } {
  return { token: lease?.token ?? "", after: lease?.after ?? "keep" };
}

export interface Batch {
  readonly operationId: string;
  readonly encoded: readonly string[];
  /** The mark that the latest read returned: `""` when there had been no clear; or one of the two below. */
  readonly seen: string;
  /** How many tools the messages of this batch call. */
  readonly toolCalls: number;
  /** Under which the turn runs; without one, the lease of another turn does not matter. */
  readonly lease?: HeldLease | undefined;
}

// Marks are server times, so these are none.

/** An object that never read is not fenced. */
export const NEVER_READ = "*";
/** There must be no entry, and no clear that is remembered. */
export const EXPECT_NEW = "new";
