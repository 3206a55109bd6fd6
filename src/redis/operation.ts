import { hash, randomUUID } from "node:crypto";

/**
 * How long Redis remembers an operation id: the window in which repeating a write is harmless. ioredis 6 gives up
 * resending after about 73 seconds by default, so its own resends fall well inside.
 */
export const OPERATION_WINDOW_MILLISECONDS = 120_000;

export function newOperationId(): string {
  return randomUUID();
}

/** Tells writes under one operation id apart. 128 bits: an accident, not an attacker, is what it guards against. */
export function digestOf(content: string): string {
  return hash("sha256", content, "base64url").slice(0, 22);
}
