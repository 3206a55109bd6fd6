import { hash } from "node:crypto";

/** Returns texts as one, so that no other texts give the same. */
export function joined(...texts: readonly string[]): string {
  return texts.map((text) => `${text.length}:${text}`).join("");
}

/** Returns what tells texts apart, such as two writes under one operation id: 128 bits, against accidents, not attackers. */
export function digestOf(...parts: readonly string[]): string {
  return hash("sha256", joined(...parts), "base64url").slice(0, 22);
}
