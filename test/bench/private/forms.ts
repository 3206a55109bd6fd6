import { randomBytes } from "node:crypto";
import { keyring, type StoredFormOptions } from "langchain-redis-sessions";

/** What the forms are called in tables, and in which messages can be stored. */
export const PLAIN = "plain";
export const COMPRESSED = "compressed";
export const SEALED = "sealed";
export const BOTH = "compressed and sealed";
export const forms = [PLAIN, COMPRESSED, SEALED, BOTH] as const;
export type Form = (typeof forms)[number];

const ringKey = randomBytes(32);

/** The options of a form. Each call makes a ring that knows no data key yet, as that of a process that has just started. */
export function optionsOf(form: Form): StoredFormOptions {
  const compress = form === COMPRESSED || form === BOTH;
  if (form === PLAIN || form === COMPRESSED) return { compress };
  return { compress, encryption: keyring({ current: "a", keys: { a: ringKey } }) };
}
