/** Where a history keeps its entries, and what is checked there before one is read or written. */
export interface MessageLog {
  /**
   * The entries from `first` on (negative: counted from the end), and the mark of the clear they came after. The mark is
   * read before the entries: a clear in between then makes the coming append fail, not slip through.
   */
  read(first: number): Promise<{ readonly seen: string; readonly entries: readonly string[] }>;
  /**
   * Appends a batch whole, once, unless another clear than `seen` has run. `false`: nothing was appended, because
   * `seen` was {@link EXPECT_NEW} and something was there.
   */
  append(batch: Batch): Promise<boolean>;
  /** Removes all entries, and returns the mark of this clear. */
  clear(operationId: string): Promise<string>;
  length(): Promise<number>;
}

export interface Batch {
  readonly operationId: string;
  readonly encoded: readonly string[];
  /** The mark that the latest read returned: `""` when there had been no clear; or one of the two below. */
  readonly seen: string;
  /** How many tools the messages of this batch call. */
  readonly toolCalls: number;
}

// Marks are server times, so these are none.

/** An object that never read is not fenced. */
export const NEVER_READ = "*";
/** There must be no entry, and no clear that is remembered. */
export const EXPECT_NEW = "new";
