import { createHash } from "node:crypto";

let made = 0;

/** An id as providers make them: `toolu_000001`. */
export function newId(prefix: string): string {
  made += 1;
  return `${prefix}${String(made).padStart(6, "0")}`;
}

/** A text as it is streamed: white space in front comes by itself. */
export function pieces(text: string): string[] {
  return text.match(/^\s+|[^]{1,9}/g) ?? [];
}

/** Proves that what is sent back was said like that: the signature of a thought. */
export function signatureOf(thought: string): string {
  return `signed-${createHash("sha256").update(thought).digest("hex").slice(0, 32)}`;
}

/** A server-sent event; `event` is its name, where the provider gives it one. */
export function sse(kind: string, data: unknown, event?: string): { readonly kind: string; readonly bytes: string } {
  const name = event === undefined ? "" : `event: ${event}\n`;
  return { kind, bytes: `${name}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n` };
}
