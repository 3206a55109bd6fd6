import type { Hono } from "hono";
import type { Session, SessionStore } from "langchain-redis-sessions";
import { z } from "zod";
import type { Access } from "../access.js";
import type { Agent } from "../agent.js";
import type { Changes } from "../changes.js";
import { answerOf } from "../current-answer.js";
import type { Env } from "../env.js";
import {
  bodyOf,
  conversationOf,
  pageSize,
  position,
  queryOf,
  text,
  wholeNumber,
  withInput,
  writeOptions,
} from "../input.js";
import { pageOfConversations, withRunning } from "../listed.js";
import { shownMessage } from "../shown.js";
import { withTitle } from "../titles.js";

/** The latest time that a Date can be. */
const MAX_TIME = 8.64e15;

// `before` of one list is a time, of the other an index; clients are told to take it as it comes.
export const conversationQuery = z.strictObject({
  limit: pageSize.default(20),
  before: wholeNumber(MAX_TIME)
    .transform((time) => ({ lastActivityAt: new Date(time) }))
    .optional(),
  search: text(200).optional(),
});
export const messageQuery = z.strictObject({
  limit: pageSize.default(50),
  before: wholeNumber(Number.MAX_SAFE_INTEGER).optional(),
});
export const cutQuery = z.strictObject({ from: position });
export const renameBody = z.strictObject({ title: z.string("use a text").trim().pipe(text(200)) });

export interface ConversationParts {
  readonly access: Access;
  readonly sessions: SessionStore;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly changes: Changes;
  /** For how long an answer can run, in seconds. */
  readonly longestTurn: number;
}

export function conversationRoutes(app: Hono<Env>, parts: ConversationParts): void {
  const { access, sessions, agents, changes, longestTurn } = parts;

  app.get("/conversations", access.inSession, async (c) => {
    const session = c.get("session");
    const { conversations, next } = await pageOfConversations(sessions, session, queryOf(c, conversationQuery));
    return c.json({ conversations: await withRunning(sessions, session, conversations, longestTurn), next });
  });

  app.get("/conversations/:id/messages", access.inSession, async (c) => {
    const { limit, before } = queryOf(c, messageQuery);
    const session: Session = { ...c.get("session"), conversationId: conversationOf(c) };
    const { conversationId } = session;
    // Looked at first: of an answer that ends in between there is then too much on the page, and not too little.
    const answer = before === undefined ? await answerOf(sessions, agents, session) : undefined;
    const [found, title] = await Promise.all([
      sessions.conversations.messages(session, conversationId, { limit, before }),
      before === undefined ? titleFor(sessions, session) : undefined,
    ]);
    const first = found[0]?.index ?? 0;
    return c.json({ messages: found.map(shownMessage), next: first > 0 ? first : null, answer, title });
  });

  app.delete("/conversations/:id/messages", access.inSession, async (c) => {
    const session = c.get("session");
    const { from } = queryOf(c, cutQuery);
    const write = { before: from, ...writeOptions(c) };
    await withInput(sessions.conversations.rewind(session, conversationOf(c), write));
    changes.publish(session, conversationOf(c));
    return c.body(null, 204);
  });

  app.patch("/conversations/:id", access.inSession, async (c) => {
    const session = c.get("session");
    const { title } = await bodyOf(c, renameBody);
    await sessions.conversations.rename(session, conversationOf(c), title, writeOptions(c));
    changes.publish(session, conversationOf(c));
    return c.body(null, 204);
  });

  app.delete("/conversations/:id", access.inSession, async (c) => {
    const session = c.get("session");
    await sessions.conversations.delete(session, conversationOf(c), writeOptions(c));
    changes.publish(session, conversationOf(c));
    return c.body(null, 204);
  });
}

/** As it is called in the list, which may not reach back to it. */
async function titleFor(sessions: SessionStore, session: Session): Promise<string | undefined> {
  const conversation = await sessions.conversations.get(session, session.conversationId);
  return (await withTitle(sessions, session, conversation)).title;
}
