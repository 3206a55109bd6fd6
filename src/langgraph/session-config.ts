import type { Session } from "../sessions/session.js";

/**
 * Returns what a call of a graph or an agent needs for {@link SessionSaver} and `sessionMiddleware`: the session, and its
 * conversation as the `thread_id`.
 *
 * @example
 * ```ts
 * await agent.invoke({ messages: "Hi" }, sessionConfig(session));
 * await agent.invoke({ messages: "Hi" }, { ...sessionConfig(session), signal });
 * ```
 */
export function sessionConfig(session: Session): {
  context: { session: Session };
  configurable: { thread_id: string };
} {
  return { context: { session }, configurable: { thread_id: session.conversationId } };
}
