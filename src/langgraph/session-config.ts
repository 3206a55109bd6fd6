import type { Session } from "../sessions/session.js";

/**
 * Returns the config of a call for {@link SessionSaver}, `sessionMiddleware` and `RunnableWithSession`: the session, in
 * the places where each of them looks for it, and the session's conversation as the `thread_id`.
 *
 * @example
 * ```ts
 * await agent.invoke({ messages: "Hi" }, sessionConfig(session));
 * await agent.invoke({ messages: "Hi" }, { ...sessionConfig(session), signal });
 * ```
 */
export function sessionConfig(session: Session): {
  context: { session: Session };
  configurable: { session: Session; thread_id: string };
} {
  return { context: { session }, configurable: { session, thread_id: session.conversationId } };
}
