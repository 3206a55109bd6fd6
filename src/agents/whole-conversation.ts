import type { BaseMessage } from "@langchain/core/messages";
import { ConversationNotFoundError } from "../errors.js";
import type { SessionStore } from "../sessions/store.js";
import type { Session } from "../sessions/session.js";

const PAGE = 1_000;

/** Returns all messages of a session's conversation, also those before the history's window. */
export async function wholeConversation(sessions: SessionStore, session: Session): Promise<BaseMessage[]> {
  const messages: BaseMessage[] = [];
  for (let before: number | undefined; before !== 0;) {
    const page = await pageOf(sessions, session, before);
    messages.unshift(...page.map(({ message }) => message));
    before = page[0]?.index ?? 0;
  }
  return messages;
}

async function pageOf(
  sessions: SessionStore,
  session: Session,
  before: number | undefined,
): ReturnType<SessionStore["conversations"]["messages"]> {
  try {
    return await sessions.conversations.messages(session, session.conversationId, { limit: PAGE, before });
  } catch (error) {
    // It was deleted meanwhile, or nothing has been stored yet.
    if (error instanceof ConversationNotFoundError) return [];
    throw error;
  }
}
