import type { Hono, MiddlewareHandler } from "hono";
import { ReauthenticationRequiredError, type SessionStore } from "langchain-redis-sessions";
import { z } from "zod";
import { type Access, wayOf } from "../access.js";
import { AGENT } from "../agent.js";
import type { Env } from "../env.js";
import { providerSessionOf, userOf } from "../identity.js";
import { bodyOf, id, paramOf, writeOptions } from "../input.js";
import { ServiceError } from "../problems.js";
import type { ProviderLogouts } from "../provider-logout.js";
import { shownSession } from "../shown.js";

export interface SessionParts {
  readonly access: Access;
  readonly sessions: SessionStore;
  readonly logouts: ProviderLogouts;
  readonly lifetimeSeconds: number;
}

/** What a browser may send for a name is more than anybody wants to read. */
const MAX_USER_AGENT_LENGTH = 300;

export const startBody = z.strictObject({
  agentId: z.enum([AGENT], `use ${AGENT}`).default(AGENT),
  conversationId: id.optional(),
});
export const endAllBody = z.strictObject({ others: z.boolean("use true or false").default(false) });
export const openBody = z.strictObject({ conversationId: id.optional() });

export function sessionRoutes(app: Hono<Env>, { access, sessions, logouts, lifetimeSeconds }: SessionParts): void {
  app.post("/sessions", access.signedIn, async (c) => {
    const identity = c.get("user");
    const { userId, orgId, authenticatedAt, claims } = identity;
    const { agentId, conversationId } = await bodyOf(c, startBody);
    const userAgent = c.req.header("User-Agent")?.slice(0, MAX_USER_AGENT_LENGTH) || undefined;
    const ipAddress = access.clientAddress(c);
    const providerSession = providerSessionOf(claims);
    const metadata = { lifetimeSeconds, ...(providerSession === undefined ? {} : { providerSession }) };
    // A browser has one session. The one before, which nobody could reach any more, ends.
    if (wayOf(c.req.raw) === "page") await access.endOwn(c);
    const { token, session, ended } = await sessions.create(
      { userId, orgId, agentId, conversationId, userAgent, ipAddress, metadata, authenticatedAt },
      writeOptions(c),
    );
    // The user may have signed out at the provider just now.
    if (providerSession !== undefined && (await logouts.isOver(providerSession))) {
      await sessions.end(token);
      throw new ReauthenticationRequiredError();
    }
    const started = { session: shownSession(session), user: userOf(identity), ended };
    return c.json({ ...access.issue(c, token), ...started }, 201);
  });

  app.get("/session", access.here, (c) =>
    c.json({ session: shownSession(c.get("session")), user: userOf(c.get("user")) }),
  );

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
    const { others } = await bodyOf(c, endAllBody);
    const ended = await sessions.endAll(session, { ...writeOptions(c), ...(others ? { except: session } : {}) });
    return c.json({ ended });
  });

  app.post("/sessions/rotate", access.inSession, async (c) => {
    const { token, session } = await sessions.rotate(access.token(c) ?? "", writeOptions(c));
    return c.json({ ...access.issue(c, token), session: shownSession(session) });
  });

  app.post("/sessions/conversation", access.inSession, async (c) => {
    const { conversationId } = await bodyOf(c, openBody);
    const session = await sessions.openConversation(c.get("session"), conversationId, writeOptions(c));
    return c.json({ session: shownSession(session) });
  });
}
