import * as z from "./schema.js";

// A program may load this package twice: two versions in its node_modules, or a bundle beside it. `instanceof` recognises
// only the classes of one copy. So objects that another copy has to recognise are marked by symbols that all copies share.

/**
 * The version of the undocumented members that copies use on each other's objects. Raise it when those change: a copy
 * refuses an object with another number, rather than fail half-way through a turn.
 */
export const PROTOCOL = 3;

/** Marks a SessionStore; its value is the {@link PROTOCOL} of the copy that made the store. */
export const storeMark: unique symbol = Symbol.for("langchain-redis-sessions.session-store") as never;

/** Marks an Answer; its value is the {@link PROTOCOL} of the copy that began it. */
export const answerMark: unique symbol = Symbol.for("langchain-redis-sessions.answer") as never;

/** Names the property of a RedisChatMessageHistory that holds its open conversation, which carries the {@link PROTOCOL}. */
export const conversationMark: unique symbol = Symbol.for("langchain-redis-sessions.conversation") as never;

/** The advice for an object of a copy with another protocol. */
export const otherVersion =
  "this comes from an incompatible version of langchain-redis-sessions; install only one (npm ls langchain-redis-sessions)";

/** Returns a schema for an object that carries a mark with this copy's {@link PROTOCOL}. */
export function markedSchema<Marked extends object>(mark: symbol, help: string): z.ZodType<Marked> {
  const protocolOf = (value: unknown): unknown =>
    typeof value === "object" && value !== null ? (value as Record<symbol, unknown>)[mark] : undefined;
  return z.check(
    z.custom<Marked>((value) => protocolOf(value) !== undefined, { error: help, abort: true }),
    z.refine((value) => protocolOf(value) === PROTOCOL, otherVersion),
  );
}
