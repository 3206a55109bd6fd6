// These functions check the type of each reply before it is used. On a client inside MULTI, every reply is "QUEUED".

/** A reply of a type that the command does not have. The error holds nothing of the reply. */
export class UnexpectedReply extends Error {
  override readonly name = "UnexpectedReply";
}

export function text(reply: unknown): string {
  if (typeof reply !== "string") throw new UnexpectedReply();
  return reply;
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
  // Checked without a copy, because a history of thousands of entries passes here on every read.
  for (const item of items) text(item);
  return items as string[];
}

/** Returns a whole number, which a client with `stringNumbers` replies as a string. */
export function count(reply: unknown): number {
  const number = typeof reply === "string" && /^-?\d+$/.test(reply) ? Number(reply) : reply;
  if (typeof number !== "number") throw new UnexpectedReply();
  return number;
}

/** Returns the reply if it is one of the words. */
export function outcome<Outcome extends string>(reply: unknown, outcomes: readonly Outcome[]): Outcome {
  const found = outcomes.find((known) => known === reply);
  if (found === undefined) throw new UnexpectedReply();
  return found;
}
