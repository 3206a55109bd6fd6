import type { Conversation, Session, SessionStore } from "langchain-redis-sessions";

// A conversation is called after the first thing that was said in it, until its owner names it.

const MAX_LENGTH = 60;

/** After a turn. Best effort: that it has no title yet is no reason to fail a turn that is stored. */
export async function nameConversation(
  sessions: SessionStore,
  session: Session,
  conversation: Conversation,
): Promise<void> {
  if (conversation.title !== undefined) return;
  const { title } = await withTitle(sessions, session, conversation);
  if (title !== undefined) await sessions.conversations.rename(session, conversation.id, title).catch(() => {});
}

/** One whose first turn was stopped, or is still to be named, goes by its first message all the same. */
export async function withTitle(
  sessions: SessionStore,
  session: Session,
  conversation: Conversation,
): Promise<Conversation> {
  if (conversation.title !== undefined) return conversation;
  const page = { limit: 1, before: 1 };
  const [first] = await sessions.conversations.messages(session, conversation.id, page).catch(() => []);
  return first === undefined ? conversation : { ...conversation, title: titleOf(first.message.text) };
}

function titleOf(message: string): string {
  const line = message.trim().replaceAll(/\s+/gu, " ");
  if (line.length <= MAX_LENGTH) return line || "Conversation";
  const cut = line.slice(0, MAX_LENGTH);
  // At the end of a word, and never in the middle of a character that takes two units.
  return `${cut.replace(/\s+\S*$/u, "").replace(/[\uD800-\uDBFF]$/u, "")}…`;
}
