import type { Subject } from "../diagnostics/operations.js";
import type { Opened } from "../encryption/vault.js";
import type { Stored } from "../redis/sealing.js";
import type { StopListener } from "../redis/stop-signal.js";
import type { PartOfTurn } from "../redis/scripts/fragments/unfinished.js";

/** The log in which a history keeps its entries. It also checks the preconditions of reads and writes. */
export interface MessageLog extends TurnQueue {
  /**
   * Returns the entries from `first` on (a negative number counts from the end), and the mark of the latest clear.
   * Reads the mark before the entries, so that a clear in between makes the next append fail.
   *
   * @param turn the turn that reads.
   * @throws PositionNotFoundError, InvalidOptionError for the message that the turn replaces.
   */
  read(first: number, turn?: ReadingTurn): Promise<LogPart>;
  /**
   * Appends a batch, whole and once, and returns the mark that the writer has seen from now on. Returns `undefined`, and
   * appends nothing, if `seen` is {@link EXPECT_NEW} and the log has entries or remembers a clear.
   *
   * @throws ConversationChangedError if the latest clear is not `seen`.
   * @throws ConversationBusyError if the lease of the batch is lost.
   * @throws OperationConflictError if another write had this operation id.
   */
  append(batch: Batch): Promise<string | undefined>;
  /** Removes all entries, once, and returns the mark of this clear. */
  clear(operationId: string): Promise<string>;
  /** Returns the number of entries. */
  length(): Promise<number>;
}

/** The line in which the turns of one conversation wait. Repeating any of these calls is harmless. */
export interface TurnQueue {
  /** The data for observers. */
  readonly subject: Subject | undefined;
  /** Tries once to hold the conversation. In `"wait"` mode each try also keeps the place in the line. */
  acquire(attempt: LeaseAttempt): Promise<LeaseAnswer>;
  /** Renews a lease, if it is still held and its turn does not have to stop. */
  renew(token: string, leaseMilliseconds: number): Promise<"held" | "lost" | StopReason>;
  /** Gives back the lease, or the place in the line. */
  release(token: string): Promise<void>;
  /**
   * Calls the listener when the turn of this token has to stop, until the returned function is called. Absent for a history
   * on its own, whose turns cannot be stopped.
   */
  listen?(token: string, listener: StopListener): () => void;
}

/** The reason why a turn has to stop: a caller stopped it, or a later turn takes its place. */
export type StopReason = "stop" | "superseded";

/** One try of a turn to hold its conversation. */
export interface LeaseAttempt {
  readonly token: string;
  /** The ticket that the first try returned; `""` in the first try. */
  readonly ticket: string;
  readonly leaseMilliseconds: number;
  /** `"interrupt"` stops the running turn. Only sessions can do that. */
  readonly mode: "wait" | "reject" | "interrupt";
}

/** The answer to a {@link LeaseAttempt}. */
export interface LeaseAnswer {
  /** `"superseded"`: a later turn also wants to stop the running one, and takes the place of this turn. */
  readonly outcome: "granted" | "busy" | "superseded";
  readonly ticket: string;
  /** The number of turns that wait in front of this one. The running turn does not count. */
  readonly position: number;
}

/** The lease of the turn that writes, and what happens to it. */
export interface HeldLease {
  readonly token: string;
  /** `"keep"`: the turn goes on and will write again. `"release"`: this write ends the turn. */
  readonly after: "keep" | "release";
}

/** The properties of a reading turn that affect the result. */
export interface ReadingTurn {
  /** The operation id that the caller chose. */
  readonly operationId?: string | undefined;
  /** The name of the run that goes on. Absent for a run that begins. */
  readonly attempt?: string | undefined;
  /** The position of the first message that the turn replaces. */
  readonly replaces?: string | undefined;
  /** The question of the answer that the turn continues. The turn has it, so the read leaves it out. */
  readonly question?: StoredQuestion | undefined;
}

/** A question that `answers.begin` has stored in the conversation. */
export interface StoredQuestion {
  readonly position: string;
  /** The number of its messages. */
  readonly length: number;
}

/** The result of a read of a log. */
export interface LogPart {
  /** The mark of the latest clear, or `""` if none is remembered. */
  readonly seen: string;
  /** The entries in front of the messages that the turn replaces, and in front of the turn's own earlier parts. */
  readonly entries: readonly Opened[];
  /** True if a write with the operation id of the turn is recorded. */
  readonly recorded: boolean;
  /** The number of the turn's own parts behind the entries. Its next write replaces them. */
  readonly parts: number;
  readonly fence: Fence | undefined;
  /** The entry of the first message that the turn replaces. */
  readonly replaced?: Opened | undefined;
  /** The number of entries from `replaced` on. */
  readonly replacedCount?: number;
}

/** The result of a read in stored form, before it is opened. */
export interface StoredPart extends Omit<LogPart, "entries" | "replaced"> {
  readonly entries: readonly Stored[];
  readonly replaced?: Stored | undefined;
  /** The lineage to which the entries are sealed, if it is known. */
  readonly lineage?: string | undefined;
  /** True if the whole list is marked as sealed, so that plain text in it is refused. */
  readonly isSealed?: boolean | undefined;
}

/** The messages that a turn replaces, and the end of the conversation that its write must find. */
export interface Fence {
  /** The position of the first message that the turn replaces. */
  readonly from: string;
  /** The position behind the last message, as the turn's read saw it. */
  readonly behind: string;
}

/** The content of an append to a log, and its conditions. */
export interface Batch {
  readonly operationId: string;
  readonly encoded: readonly string[];
  /** The mark that the writer's latest read returned, {@link NEVER_READ} or {@link EXPECT_NEW}. */
  readonly seen: string;
  /** The number of tool calls in the messages of this batch. */
  readonly toolCalls: number;
  /** The lease under which the turn runs. Without one, the lease of another turn does not matter. */
  readonly lease?: HeldLease | undefined;
  /** Absent for a write outside a turn. An empty batch ends a turn that has parts; a provisional one removes them. */
  readonly turn?: PartOfTurn | undefined;
  readonly fence?: Fence | undefined;
  /** The end that this write gives to the turn's answer in flight. Absent if it does not end one. */
  readonly ending?: AnswerEnd | undefined;
}

/** The end that a turn gives to its answer. */
type AnswerEnd = "stored" | "interrupted" | "stopped" | "superseded" | "waiting";

// The mark of a clear is a time of the server, so it never equals one of these two.

/** The mark of an object that has never read: its append is not fenced. */
export const NEVER_READ = "*";
/** The mark for a new log: the append is refused if there is an entry or a remembered clear. */
export const EXPECT_NEW = "new";
