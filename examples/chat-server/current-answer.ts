import {
  ConversationBusyError,
  ConversationNotFoundError,
  type Session,
  type SessionStore,
} from "langchain-redis-sessions";
import type { Agent } from "./agent.js";
import { shownAnswer, type ShownAnswer } from "./shown.js";

/** What runs, waits or can be asked again in the session's conversation. One without messages has none. */
export async function answerOf(
  sessions: SessionStore,
  agents: ReadonlyMap<string, Agent>,
  session: Session,
): Promise<ShownAnswer | null> {
  try {
    const current = await sessions.answers(session).current();
    if (current === undefined) return null;
    const approval = current.state === "waiting" ? await agents.get(session.agentId)?.pending(session) : undefined;
    return shownAnswer(current, approval ?? []);
  } catch (error) {
    if (error instanceof ConversationNotFoundError) return null;
    throw error;
  }
}

/**
 * Takes back a question that was not answered. One that was to replace a part of the conversation is kept beside it until
 * somebody stops its answer: then the old part stays for good.
 */
export async function takeBack(sessions: SessionStore, session: Session): Promise<void> {
  const answers = sessions.answers(session);
  const current = await answers.current();
  if (current === undefined) return;
  const { operationId, question, position, replaces, state } = current;
  if (state !== "interrupted") throw new ConversationBusyError("taken", operationId);
  if (replaces === undefined) {
    if (position === undefined) return;
    await sessions.conversations.rewind(session, session.conversationId, { before: position });
    return;
  }
  const answer = await answers.begin({ operationId, input: question, replaces });
  await answers.stop({ operationId });
  await answer.close();
}
