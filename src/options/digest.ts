import { hash } from "node:crypto";

/** Joins texts into one. Different lists of texts never give the same result, because each text has its length in front. */
export function joined(...texts: readonly string[]): string {
  return texts.map((text) => `${text.length}:${text}`).join("");
}

/**
 * Returns a digest that tells texts apart, for example two writes under one operation id. Its 128 bits protect against
 * accidents, not against attackers.
 */
export function digestOf(...parts: readonly string[]): string {
  return hash("sha256", joined(...parts), "base64url").slice(0, 22);
}
