import type { Conversation, ConversationPage, Session, SessionStore } from "langchain-redis-sessions";
import { withTitle } from "./titles.js";

// The list of a user's conversations: a page of it, searched in its titles, and which of them are being answered.

/** As many are looked at for a page of what was searched for; then the page ends, and the next one goes on. */
const MAX_SEARCHED = 1_000;
/** As many are read at a time while they are searched. */
const SEARCH_PAGE = 100;

interface Wanted extends ConversationPage {
  readonly limit: number;
  readonly search?: string | undefined;
}

interface Page {
  readonly conversations: readonly Conversation[];
  /** `before` of the page behind this one. */
  readonly next: string | null;
}

export async function pageOfConversations(
  sessions: SessionStore,
  session: Session,
  { limit, before, search }: Wanted,
): Promise<Page> {
  const listed = async (page: ConversationPage): Promise<Conversation[]> => {
    const found = await sessions.conversations.list(session, page);
    return Promise.all(found.map((conversation) => withTitle(sessions, session, conversation)));
  };
  if (search === undefined) {
    const found = await listed({ limit, before });
    return { conversations: found, next: found.length === limit ? timeOf(found.at(-1)) : null };
  }
  const wanted = search.toLocaleLowerCase();
  const matching: Conversation[] = [];
  let from = before;
  for (let looked = 0; looked < MAX_SEARCHED; looked += SEARCH_PAGE) {
    const found = await listed({ limit: SEARCH_PAGE, before: from });
    for (const conversation of found) {
      if (!conversation.title?.toLocaleLowerCase().includes(wanted)) continue;
      matching.push(conversation);
      if (matching.length === limit) return { conversations: matching, next: timeOf(conversation) };
    }
    const last = found.at(-1);
    if (last === undefined || found.length < SEARCH_PAGE) return { conversations: matching, next: null };
    from = { lastActivityAt: last.lastActivityAt };
  }
  return { conversations: matching, next: from === undefined ? null : String(Number(from.lastActivityAt)) };
}

function timeOf(conversation: Conversation | undefined): string | null {
  return conversation === undefined ? null : String(conversation.lastActivityAt.getTime());
}

/** Only those are asked for in which something happened for as long as an answer can take. */
export function withRunning(
  sessions: SessionStore,
  session: Session,
  conversations: readonly Conversation[],
  longestTurn: number,
): Promise<(Conversation & { readonly running: boolean })[]> {
  const earliest = Date.now() - (longestTurn + CLOCKS_APART) * 1_000;
  return Promise.all(
    conversations.map(async (conversation) => {
      if (conversation.lastActivityAt.getTime() < earliest) return { ...conversation, running: false };
      const answers = sessions.answers({ ...session, conversationId: conversation.id });
      // One that was deleted in between runs no more.
      const current = await answers.current().catch(() => undefined);
      return { ...conversation, running: current?.state === "running" };
    }),
  );
}

/** How many seconds the clocks of this process and of Redis may differ. */
const CLOCKS_APART = 30;
