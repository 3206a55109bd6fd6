import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import type { Call } from "./command.js";
import { NotDoneError, UsageError } from "./errors.js";
import { visibleLine } from "./visible.js";

/**
 * Asks whether to do what cannot be undone. `--yes` answers beforehand.
 *
 * @param what what is to be done, as a sentence.
 * @param answer what has to be typed, so that nobody does it to somebody else by a slip.
 * @throws UsageError when there is nobody to ask, NotDoneError for another answer.
 */
export async function confirm({ options }: Call, what: string, answer: string): Promise<void> {
  if (options.yes === true) return;
  if (!process.stdin.isTTY) throw new UsageError("Nothing was done. Without a terminal, pass --yes.");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // By Ctrl+C or Ctrl+D. The question would stay open for ever.
  const closed = once(terminal, "close").then(() => undefined);
  try {
    const typed = await Promise.race([
      terminal.question(`${visibleLine(what)}\nType ${visibleLine(answer)} to go on: `),
      closed,
    ]);
    if (typed !== visibleLine(answer)) throw new NotDoneError("Nothing was done.");
  } finally {
    terminal.close();
  }
}
