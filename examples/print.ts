import { styleText } from "node:util";

// How the examples talk to whoever runs them.

const colours = { you: "cyan", ai: "green" } as const;

export function heading(text: string): void {
  console.log(`\n${style("bold", text)}\n`);
}

/** One line of a conversation, or of what happens around it. */
export function line(who: string, text: string): void {
  process.stdout.write(`  ${label(who)}  ${text}\n`);
}

export function note(text: string): void {
  process.stdout.write(`  ${text}\n`);
}

/** The beginning of a line, to which `more()` adds; `end()` ends it. */
export function begin(who: string): void {
  process.stdout.write(`  ${label(who)}  `);
}

export function more(text: string): void {
  process.stdout.write(text);
}

export function end(): void {
  process.stdout.write("\n");
}

/** "1 session", "2 sessions". */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}

export function style(format: "bold" | "dim" | "cyan" | "green", text: string): string {
  return process.stdout.isTTY ? styleText(format, text) : text;
}

function label(who: string): string {
  return style(who === "you" || who === "ai" ? colours[who] : "dim", who.padEnd(7));
}
