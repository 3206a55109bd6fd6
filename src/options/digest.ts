import { hash } from "node:crypto";

/** Returns what tells texts apart, such as two writes under one operation id: 128 bits, against accidents, not attackers. */
export function digestOf(...parts: readonly string[]): string {
  const text = parts.map((part) => `${part.length}:${part}`).join("");
  return hash("sha256", text, "base64url").slice(0, 22);
}
