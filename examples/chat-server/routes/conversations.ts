import type { Hono } from "hono";
import type { SessionStore } from "langchain-redis-sessions";
import { z } from "zod";
import type { Access } from "../access.js";
import type { Env } from "../env.js";
import { bodyOf, pageSize, paramOf, queryOf, text, wholeNumber, writeOptions } from "../input.js";
import { shownMessage } from "../shown.js";
import { withTitles } from "../titles.js";

/** The latest time that a Date can be. */
const MAX_TIME = 8.64e15;

// `before` of one list is a time, of the other an index; clients are told to take it as it comes.
const conversationPage = z.strictObject({
  limit: pageSize.default(20),
  before: wholeNumber(MAX_TIME)
    .transform((time) => ({ lastActivityAt: new Date(time) }))
    .optional(),
});
const messagePage = z.strictObject({
  limit: pageSize.default(50),
  before: wholeNumber(Number.MAX_SAFE_INTEGER).optional(),
});
const rename = z.strictObject({ title: z.string("use a text").trim().pipe(text(200)) });

export function conversationRoutes(
  app: Hono<Env>,
  { access, sessions }: { access: Access; sessions: SessionStore },
): void {
  app.get("/conversations", access.inSession, async (c) => {
    const session = c.get("session");
    const { limit, before } = queryOf(c, conversationPage);
    const found = await sessions.conversations.list(session, { limit, before });
    const last = found.length === limit ? found.at(-1) : undefined;
    const next = last === undefined ? null : String(last.lastActivityAt.getTime());
    return c.json({ conversations: await withTitles(sessions, session, found), next });
  });

  app.get("/conversations/:id/messages", access.inSession, async (c) => {
    const { limit, before } = queryOf(c, messagePage);
    const found = await sessions.conversations.messages(c.get("session"), paramOf(c, "id"), { limit, before });
    const first = found[0]?.index ?? 0;
    return c.json({ messages: found.map(shownMessage), next: first > 0 ? first : null });
  });

  app.patch("/conversations/:id", access.inSession, async (c) => {
    const { title } = await bodyOf(c, rename);
    await sessions.conversations.rename(c.get("session"), paramOf(c, "id"), title, writeOptions(c));
    return c.body(null, 204);
  });

  app.delete("/conversations/:id", access.inSession, async (c) => {
    await sessions.conversations.delete(c.get("session"), paramOf(c, "id"), writeOptions(c));
    return c.body(null, 204);
  });
}
