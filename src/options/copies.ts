import { z } from "zod";

// A program may have this package twice: two versions in its node_modules, or a bundle beside it. `instanceof` knows only
// the classes of one copy. So objects that another copy has to know are marked by symbols that all copies share.

/**
 * Numbers what copies use of each other's objects beyond their documented methods. Raise it when that changes: copies
 * refuse an object with another number instead of failing half-way through a turn.
 */
export const PROTOCOL = 3;

/** Marks a SessionStore; its value is the {@link PROTOCOL} of the copy that made the store. */
export const storeMark: unique symbol = Symbol.for("langchain-redis-sessions.session-store") as never;

/** Marks an Answer; its value is the {@link PROTOCOL} of the copy that began it. */
export const answerMark: unique symbol = Symbol.for("langchain-redis-sessions.answer") as never;

/** Leads from a RedisChatMessageHistory to the conversation that it has open, which carries its {@link PROTOCOL}. */
export const conversationMark: unique symbol = Symbol.for("langchain-redis-sessions.conversation") as never;

/** Says what to do about an object of a copy with another protocol. */
export const otherVersion =
  "this is of another version of langchain-redis-sessions, and the two do not fit; install one (npm ls langchain-redis-sessions)";

/** Returns a schema for an object that carries a mark with this copy's {@link PROTOCOL}. */
export function markedSchema<Marked extends object>(mark: symbol, help: string): z.ZodType<Marked> {
  const protocolOf = (value: unknown): unknown =>
    typeof value === "object" && value !== null ? (value as Record<symbol, unknown>)[mark] : undefined;
  return z
    .custom<Marked>((value) => protocolOf(value) !== undefined, { error: help, abort: true })
    .refine((value) => protocolOf(value) === PROTOCOL, otherVersion);
}
