const CLEAR_LINE = "\r\u001b[K";

/** One line on stderr that says how far a command is. It is there only where somebody looks. */
export class Progress implements Disposable {
  readonly #isSeen: boolean;

  /** @param beside whether rows are printed meanwhile. On the same terminal they are progress enough. */
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
