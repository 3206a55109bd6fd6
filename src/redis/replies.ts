import { NotText, type Stored, textOf } from "./sealing.js";

// These functions check the type of a reply before it is used. On a client inside MULTI, every reply is "QUEUED".

/** Thrown when a reply has a type that the command cannot return. The error contains nothing of the reply. */
export class UnexpectedReply extends Error {
  override readonly name = "UnexpectedReply";
}

export function text(reply: unknown): string {
  if (typeof reply === "string") return reply;
  const read = Buffer.isBuffer(reply) ? textOf(reply) : undefined;
  if (read === undefined) throw new UnexpectedReply();
  return read;
}

export function textOrNothing(reply: unknown): string | undefined {
  return reply === null || reply === undefined ? undefined : text(reply);
}

/** Returns whether ZSCORE found a member. A score is text, or a number from a client with `replyMapping: "resp3"`. */
export function isMember(score: unknown): boolean {
  return score !== null && score !== undefined;
}

export function list(reply: unknown): unknown[] {
  if (!Array.isArray(reply)) throw new UnexpectedReply();
  return reply;
}

export function textList(reply: unknown): string[] {
  const items = list(reply);
  // Check without a copy, because each read of a history passes thousands of entries through here.
  return items.every((item) => typeof item === "string") ? items : items.map(text);
}

/** Returns a whole number. A client with `stringNumbers` replies with a string. */
export function count(reply: unknown): number {
  const number = typeof reply === "string" && /^-?\d+$/.test(reply) ? Number(reply) : reply;
  if (typeof number !== "number") throw new UnexpectedReply();
  return number;
}

/** Returns the reply if it is one of the outcomes. */
export function outcome<Outcome extends string>(reply: unknown, outcomes: readonly Outcome[]): Outcome {
  const found = outcomes.find((known) => known === reply);
  if (found === undefined) throw new UnexpectedReply();
  return found;
}

/**
 * The character that bytes become which are not text but are read as text. No value that is stored as text begins with
 * it.
 */
export const REPLACED = "\ufffd";

/** Returns values that may be sealed or compressed. */
export function storedList(reply: unknown): Stored[] {
  const items = list(reply);
  for (const item of items) {
    if (typeof item === "string" ? item[0] === REPLACED : !Buffer.isBuffer(item)) {
      throw typeof item === "string" ? new NotText() : new UnexpectedReply();
    }
  }
  return items as Stored[];
}

/** Returns a value that may be sealed or compressed behind `start` characters of text; `undefined` if it is absent. */
export function storedBehind(start: number, reply: unknown): Stored | undefined {
  if (Buffer.isBuffer(reply)) return textOf(reply) ?? reply;
  const stored = textOrNothing(reply);
  if (stored?.[start] === REPLACED) throw new NotText();
  return stored;
}

/** Returns a value that may be sealed or compressed. */
export function storedValue(reply: unknown): Stored {
  return Buffer.isBuffer(reply) ? reply : text(reply);
}

/** Returns a value that may be sealed or compressed; `undefined` if it is absent. */
export function storedOrNothing(reply: unknown): Stored | undefined {
  return Buffer.isBuffer(reply) ? reply : textOrNothing(reply);
}
