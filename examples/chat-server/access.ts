import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context, MiddlewareHandler } from "hono";
import type { Duration, SessionStore } from "langchain-redis-sessions";
import { anyAgent, type ClientAddress, sessionGuard } from "langchain-redis-sessions/http";
import { countedAddress, countedUser } from "./counted.js";
import type { Env } from "./env.js";
import type { IdentityProvider } from "./identity.js";
import type { Limit } from "./limits.js";

// Who may come in: first the user, by the JWT of the identity provider, then the session, by its token.

export interface Access {
  /** The request comes from a user. */
  readonly signedIn: MiddlewareHandler<Env>;
  /** It comes from a user in a live session of theirs; on a route with `:agentId`, one with that agent. */
  readonly inSession: MiddlewareHandler<Env>;
  /** Behind `inSession`: and they signed in not long ago. For what a session left open must not do. */
  readonly recentlySignedIn: MiddlewareHandler<Env>;
  /** Of a request that nobody signed in for. */
  readonly anyone: MiddlewareHandler<Env>;
  readonly clientAddress: (c: Context<Env>) => string | undefined;
  /** Of a request that passed `inSession`. */
  readonly token: (c: Context<Env>) => string;
}

export interface AccessParts {
  readonly sessions: SessionStore;
  readonly identityProvider: IdentityProvider;
  readonly limit: Limit;
  readonly trusted: ClientAddress | undefined;
  readonly maxAuthenticationAge: Duration;
}

export function accessControl(parts: AccessParts): Access {
  const { sessions, identityProvider, limit, trusted, maxAuthenticationAge } = parts;
  const guard = sessionGuard({
    sessions,
    // Counted as soon as it is known who it is, before Redis is asked for a session: one place for all routes.
    authenticate: async (request) => {
      const identity = await identityProvider.authenticate(request);
      if (identity !== null) await limit(countedUser(identity));
      return identity;
    },
    clientAddress: trusted,
  });
  const { authenticate } = identityProvider;
  const recent = sessionGuard({ sessions, authenticate, maxAuthenticationAge });
  const clientAddress = (c: Context<Env>): string | undefined => guard.clientAddress(c.req.raw, peerAddress(c));
  return {
    clientAddress,
    signedIn: async (c, next) => {
      const { denied, identity } = await guard.authenticate(c.req.raw);
      if (denied) return denied;
      c.set("user", identity);
      return next();
    },
    inSession: async (c, next) => {
      const agentId = c.req.param("agentId") ?? anyAgent;
      const { denied, session, identity } = await guard(c.req.raw, { agentId, peerAddress: peerAddress(c) });
      if (denied) return denied;
      c.set("user", identity);
      c.set("session", session);
      return next();
    },
    recentlySignedIn: async (c, next) => {
      const { denied } = await recent.authenticate(c.req.raw);
      return denied ?? next();
    },
    anyone: async (c, next) => {
      await limit(countedAddress(clientAddress(c)));
      return next();
    },
    token: (c) => guard.token(c.req.raw) ?? "",
  };
}

/** Where there is a connection: not in a test that calls the app itself. */
function peerAddress(c: Context<Env>): string | undefined {
  return c.env.incoming === undefined ? undefined : getConnInfo(c).remote.address;
}
