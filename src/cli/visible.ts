// A user id, a title or a text may hold what a terminal obeys: sequences that move the cursor, set the clipboard or rename
// the window, and marks that turn the order of letters around. None of these reach the terminal.

/** Control and format characters, lone surrogates, what has no meaning yet, and separators of lines. */
const hidden = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Returns a text of one line for a terminal. What cannot be seen is spelled: `\u{1b}`. */
export function visible(text: string): string {
  return text.replaceAll(/\r?\n/g, "\n").split("\n").map(visibleLine).join("\n");
}

/** As `visible`, also for the ends of lines. */
export function visibleLine(text: string): string {
  return text.replaceAll(hidden, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Returns JSON that is safe to print. JSON itself escapes only what is below a space. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(hidden, (character) =>
    Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
      .map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
