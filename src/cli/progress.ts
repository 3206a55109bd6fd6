const CLEAR_LINE = "\r\u001b[K";

/** A line on stderr that shows the progress of a command, if stderr is a terminal. */
export class Progress implements Disposable {
  readonly #isSeen: boolean;

  /** @param beside `"rows"` if the command prints rows meanwhile. Rows on the same terminal show enough progress. */
  constructor(beside: "alone" | "rows") {
    this.#isSeen = process.stderr.isTTY && (beside === "alone" || !process.stdout.isTTY);
  }

  show(text: string): void {
    if (this.#isSeen) process.stderr.write(`${CLEAR_LINE}${text}`);
  }

  [Symbol.dispose](): void {
    if (this.#isSeen) process.stderr.write(CLEAR_LINE);
  }
}

/** Does work that shows its progress. The progress is cleared before this returns, so a result gets a line of its own. */
export async function withProgress<Result>(work: (progress: Progress) => Promise<Result>): Promise<Result> {
  using progress = new Progress("alone");
  return await work(progress);
}
