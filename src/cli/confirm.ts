import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import type { Call } from "./command.js";
import { NotDoneError, UsageError } from "./errors.js";
import { visibleLine } from "./visible.js";

/**
 * Asks the user to confirm an action that cannot be undone. `--yes` answers in advance.
 *
 * @param what the action, as a sentence.
 * @param answer the text to type, so that nobody confirms by a slip.
 * @throws UsageError when there is no terminal to ask on.
 * @throws NotDoneError when the answer is another one.
 */
export async function confirm({ options }: Call, what: string, answer: string): Promise<void> {
  if (options.yes === true) return;
  if (!process.stdin.isTTY) throw new UsageError("Nothing was done. Without a terminal, pass --yes.");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl+C or Ctrl+D closes the terminal. Without this, the question would never settle.
  const closed = once(terminal, "close").then(() => undefined);
  try {
    const typed = await Promise.race([
      // Rejects at Ctrl+C and Ctrl+D.
      terminal.question(`${visibleLine(what)}\nType ${visibleLine(answer)} to go on: `).catch(() => undefined),
      closed,
    ]);
    // An id with a character that is not shown is pasted as it is, or typed as it is shown.
    if (typed !== answer && typed !== visibleLine(answer)) throw new NotDoneError("Nothing was done.");
  } finally {
    terminal.close();
  }
}
