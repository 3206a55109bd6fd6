// A user id, a title or a text may contain sequences that a terminal obeys: they move the cursor, set the clipboard or
// rename the window. It may also contain marks that change the order of letters. None of these may reach the terminal.

/** Control and format characters, lone surrogates, unassigned characters, and separators of lines. */
const hidden = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Returns a text for a terminal, with characters that cannot be seen spelled out: `\u{1b}`. Keeps line ends. */
export function visible(text: string): string {
  return text.replaceAll(/\r?\n/g, "\n").split("\n").map(visibleLine).join("\n");
}

/** Returns a text for one line of a terminal. Spells out line ends too. */
export function visibleLine(text: string): string {
  return text.replaceAll(hidden, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Returns JSON that is safe to print. `JSON.stringify` itself escapes only characters below the space. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(hidden, (character) =>
    Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
      .map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
