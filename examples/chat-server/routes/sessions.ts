import type { Hono, MiddlewareHandler } from "hono";
import type { SessionStore } from "langchain-redis-sessions";
import { z } from "zod";
import type { Access } from "../access.js";
import type { Env } from "../env.js";
import { bodyOf, id, paramOf, writeOptions } from "../input.js";
import { ServiceError } from "../problems.js";
import { shownSession } from "../shown.js";

export interface SessionParts {
  readonly access: Access;
  readonly sessions: SessionStore;
  readonly agentIds: readonly string[];
  readonly lifetimeSeconds: number;
}

/** What a browser may send for a name is more than anybody wants to read. */
const MAX_USER_AGENT_LENGTH = 300;

export function sessionRoutes(app: Hono<Env>, { access, sessions, agentIds, lifetimeSeconds }: SessionParts): void {
  const start = z.strictObject({
    agentId: z.enum(agentIds, `use one of ${agentIds.join(", ")}`),
    conversationId: id.optional(),
  });
  const endAll = z.strictObject({ others: z.boolean("use true or false").default(false) });
  const open = z.strictObject({ conversationId: id.optional() });

  app.post("/sessions", access.signedIn, async (c) => {
    const { userId, orgId, authenticatedAt } = c.get("user");
    const { agentId, conversationId } = await bodyOf(c, start);
    const userAgent = c.req.header("User-Agent")?.slice(0, MAX_USER_AGENT_LENGTH) || undefined;
    const ipAddress = access.clientAddress(c);
    const metadata = { lifetimeSeconds };
    const { token, session, ended } = await sessions.create(
      { userId, orgId, agentId, conversationId, userAgent, ipAddress, metadata, authenticatedAt },
      writeOptions(c),
    );
    return c.json({ token, session: shownSession(session), ended }, 201);
  });

  app.get("/session", access.inSession, (c) => c.json({ session: shownSession(c.get("session")) }));

  app.get("/sessions", access.inSession, async (c) => {
    const own = c.get("session");
    const live = await sessions.list(own);
    return c.json({
      sessions: live.map((session) => Object.assign(shownSession(session), { current: session.id === own.id })),
    });
  });

  // To sign out oneself takes no new sign-in.
  const unlessOwn: MiddlewareHandler<Env> = (c, next) =>
    c.req.param("id") === c.get("session").id ? next() : access.recentlySignedIn(c, next);
  app.delete("/sessions/:id", access.inSession, unlessOwn, async (c) => {
    const ended = await sessions.endById(c.get("session"), paramOf(c, "id"), writeOptions(c));
    if (!ended) throw new ServiceError("SESSION_UNKNOWN");
    return c.body(null, 204);
  });

  app.post("/sessions/end-all", access.inSession, access.recentlySignedIn, async (c) => {
    const session = c.get("session");
    const { others } = await bodyOf(c, endAll);
    const ended = await sessions.endAll(session, { ...writeOptions(c), ...(others ? { except: session } : {}) });
    return c.json({ ended });
  });

  app.post("/sessions/rotate", access.inSession, async (c) => {
    const { token, session } = await sessions.rotate(access.token(c), writeOptions(c));
    return c.json({ token, session: shownSession(session) });
  });

  app.post("/sessions/conversation", access.inSession, async (c) => {
    const { conversationId } = await bodyOf(c, open);
    const session = await sessions.openConversation(c.get("session"), conversationId, writeOptions(c));
    return c.json({ session: shownSession(session) });
  });

  app.delete("/me", access.inSession, access.recentlySignedIn, async (c) =>
    c.json(await sessions.eraseUser(c.get("session"))),
  );
}
