import type { Subject } from "../diagnostics/operations.js";
import type { Opened } from "../encryption/vault.js";
import type { Stored } from "../redis/sealing.js";
import type { StopListener } from "../redis/stop-signal.js";
import type { PartOfTurn } from "../redis/scripts/fragments/unfinished.js";

/** Where a history keeps its entries, and what is checked there before an entry is read or written. */
export interface MessageLog extends TurnQueue {
  /**
   * Returns the entries from `first` on (a negative number counts from the end), and the mark of the latest clear.
   * Reads the mark before the entries: a clear that runs in between then makes the coming append fail.
   *
   * @param turn the turn that reads.
   * @throws PositionNotFoundError, InvalidOptionError for what the turn is to replace.
   */
  read(first: number, turn?: ReadingTurn): Promise<LogPart>;
  /**
   * Appends a batch, whole and once, and returns the mark that the writer has seen from now on. Returns `undefined`, and
   * appends nothing, when `seen` is {@link EXPECT_NEW} and something is or was there.
   *
   * @throws ConversationChangedError when another clear than `seen` has run.
   * @throws ConversationBusyError when the batch has a lease that is lost.
   * @throws OperationConflictError when the operation id named another write.
   */
  append(batch: Batch): Promise<string | undefined>;
  /** Removes all entries, once, and returns the mark of this clear. */
  clear(operationId: string): Promise<string>;
  /** Returns how many entries there are. */
  length(): Promise<number>;
}

/** The line in which the turns of one conversation wait. Repeating any of these calls is harmless. */
export interface TurnQueue {
  /** What observers are told. */
  readonly subject: Subject | undefined;
  /** Tries once to hold the conversation. In `"wait"` mode each try also keeps the place in the line. */
  acquire(attempt: LeaseAttempt): Promise<LeaseAnswer>;
  /** Prolongs a lease, if it is still held, and its turn does not have to stop. */
  renew(token: string, leaseMilliseconds: number): Promise<"held" | "lost" | StopReason>;
  /** Gives back the lease, or the place in the line. */
  release(token: string): Promise<void>;
  /**
   * Listens to whether the turn of this token has to stop. Returns a function that ends this. A history on its own has
   * nobody who stops a turn.
   */
  listen?(token: string, listener: StopListener): () => void;
}

/** Why a turn has to stop: somebody stopped it, or a later turn takes its place. */
export type StopReason = "stop" | "superseded";

/** One try of a turn to hold its conversation. */
export interface LeaseAttempt {
  readonly token: string;
  /** The ticket that the first try returned; `""` in the first try. */
  readonly ticket: string;
  readonly leaseMilliseconds: number;
  /** `"interrupt"`: the turn that runs is stopped. Only sessions can do that. */
  readonly mode: "wait" | "reject" | "interrupt";
}

/** The answer to a {@link LeaseAttempt}. */
export interface LeaseAnswer {
  /** `"superseded"`: a later turn wants to stop the same one, and takes its place. */
  readonly outcome: "granted" | "busy" | "superseded";
  readonly ticket: string;
  /** How many turns wait in front of this one. The turn that runs does not count. */
  readonly position: number;
}

/** The lease of the turn that writes, and what becomes of it. */
export interface HeldLease {
  readonly token: string;
  /** `"keep"`: the turn goes on and will write again. `"release"`: this write ends the turn. */
  readonly after: "keep" | "release";
}

/** The turn that reads a log, as far as that makes a difference. */
export interface ReadingTurn {
  /** The operation id that the caller chose. */
  readonly operationId?: string | undefined;
  /** The run of the turn that goes on. Absent for a run that begins. */
  readonly attempt?: string | undefined;
  /** The position of the first message that the turn is to replace. */
  readonly replaces?: string | undefined;
  /** The question of the answer that the turn goes on with. The turn has it, so the read leaves it out. */
  readonly question?: StoredQuestion | undefined;
}

/** A question that `answers.begin` has stored in the conversation. */
export interface StoredQuestion {
  readonly position: string;
  /** How many messages it has. */
  readonly length: number;
}

/** What a read of a log returns. */
export interface LogPart {
  /** The mark of the latest clear, or `""` when none is remembered. */
  readonly seen: string;
  /** Those in front of what the turn is to replace, and of parts of its own that its next write takes the place of. */
  readonly entries: readonly Opened[];
  /** Whether something was written under the operation id of the turn. */
  readonly recorded: boolean;
  /** How many parts of the turn follow the entries. Its next write takes the place of them. */
  readonly parts: number;
  readonly fence: Fence | undefined;
  /** The entry that the turn is to replace first, and how many there are from that on. */
  readonly replaced?: Opened | undefined;
  readonly replacedCount?: number;
}

/** The same as it is stored, before it is opened. */
export interface StoredPart extends Omit<LogPart, "entries" | "replaced"> {
  readonly entries: readonly Stored[];
  readonly replaced?: Stored | undefined;
  /** The lineage to which the entries are sealed, as far as it is known. */
  readonly lineage?: string | undefined;
  /** Whether all of the list was sealed, so that plain text in it is refused. */
  readonly isSealed?: boolean | undefined;
}

/** What a turn replaces, and what it must find. */
export interface Fence {
  /** The position of the first message that the turn replaces. */
  readonly from: string;
  /** The position behind the last message, as the turn's read saw it. */
  readonly behind: string;
}

/** What an append to a log stores, and under which conditions. */
export interface Batch {
  readonly operationId: string;
  readonly encoded: readonly string[];
  /** The mark that the writer's latest read returned, {@link NEVER_READ} or {@link EXPECT_NEW}. */
  readonly seen: string;
  /** How many tool calls the messages of this batch hold. */
  readonly toolCalls: number;
  /** The lease under which the turn runs. Without one, the lease of another turn does not matter. */
  readonly lease?: HeldLease | undefined;
  /** Absent for a write that is no turn. An empty batch ends a turn that has parts: a provisional one removes them. */
  readonly turn?: PartOfTurn | undefined;
  readonly fence?: Fence | undefined;
  /** How this write ends the answer in flight of the turn. Absent when it does not, or there is none. */
  readonly ending?: AnswerEnd | undefined;
}

/** How a turn ends its answer. */
type AnswerEnd = "stored" | "interrupted" | "stopped" | "superseded" | "waiting";

// The mark of a clear is a time of the server, so it is never one of these two.

/** An append of an object that never read is not fenced. */
export const NEVER_READ = "*";
/** An append is refused when there is an entry, or a clear that is remembered. */
export const EXPECT_NEW = "new";
