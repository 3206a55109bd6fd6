import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context, MiddlewareHandler } from "hono";
import { type Duration, InvalidTokenError, type Session, type SessionStore } from "langchain-redis-sessions";
import {
  anyAgent,
  type ClientAddress,
  type JwtIdentity,
  sessionGuard,
  type SessionGuard,
} from "langchain-redis-sessions/http";
import { countedAddress, countedUser } from "./counted.js";
import type { Env } from "./env.js";
import type { SignIns } from "./identity.js";
import type { Limit } from "./limits.js";
import { ServiceError } from "./problems.js";
import { asBearer, clearSignIn, setSignIn } from "./sign-in-cookie.js";

// Who may come in: first the user, by the JWT of the sign-in, then the session, by its token. There are two ways to ask,
// and one request never mixes them. A program sends both in headers. The page's browser sends both in cookies.

export interface Access {
  /** The request comes from a user. */
  readonly signedIn: MiddlewareHandler<Env>;
  /** It comes from a user in a live session of theirs; on a route with `:agentId`, one with that agent. */
  readonly inSession: MiddlewareHandler<Env>;
  /**
   * Like `inSession`; the JWT of a page may have run out, for as long as it may be renewed. A page that was opened anew
   * asks here first: to have its JWT renewed, it has to name the session that it is in.
   */
  readonly here: MiddlewareHandler<Env>;
  /** Like `inSession`, and the JWT may have run out, for as long as it may be renewed. */
  readonly inSessionLapsed: MiddlewareHandler<Env>;
  /** Behind `inSession`: and they signed in not long ago. For what a session left open must not do. */
  readonly recentlySignedIn: MiddlewareHandler<Env>;
  /** Of a request that nobody signed in for. */
  readonly anyone: MiddlewareHandler<Env>;
  readonly clientAddress: (c: Context<Env>) => string | undefined;
  /** The session token of the request, not verified. */
  readonly token: (c: Context<Env>) => string | undefined;
  /** Hands out a session token the way the request asked: in a cookie, or as a part of the answer, which is returned. */
  readonly issue: (c: Context<Env>, token: string) => { readonly token?: string };
  /** Does the same for a sign-in. */
  readonly issueSignIn: (c: Context<Env>, jwt: string, way?: Way) => { readonly jwt?: string };
  /** Ends the session whose token the request carries. The token is all that it takes, as for whoever uses the session. */
  readonly endOwn: (c: Context<Env>) => Promise<void>;
  /** Makes the browser forget its session, but not the sign-in. */
  readonly clearSession: (c: Context<Env>) => void;
  /** Makes the browser forget both cookies. */
  readonly clear: (headers: Headers) => void;
}

export interface AccessParts {
  readonly sessions: SessionStore;
  readonly signIns: SignIns;
  readonly limit: Limit;
  readonly trusted: ClientAddress | undefined;
  readonly maxAuthenticationAge: Duration;
}

/** With credentials in headers, or with cookies. */
export type Way = "program" | "page";

/** A request that carries a credential in a header is a program's. Its cookies, if there are any, do not count. */
export function wayOf({ headers }: Request): Way {
  return headers.has("Authorization") || headers.has("X-Session-Id") ? "program" : "page";
}

type Authenticate = SignIns["authenticate"];
type Guards = Readonly<Record<Way, SessionGuard<JwtIdentity>>>;

export function accessControl(parts: AccessParts): Access {
  const { sessions, signIns, limit, trusted: clientAddress, maxAuthenticationAge } = parts;
  const guardsWith = (authenticate: Authenticate, more: { maxAuthenticationAge?: Duration } = {}): Guards => ({
    program: sessionGuard({ sessions, clientAddress, ...more, authenticate, transport: "header" }),
    page: sessionGuard({
      sessions,
      clientAddress,
      ...more,
      authenticate: (request) => authenticate(asBearer(request)),
      transport: "cookie",
    }),
  });
  // Counted as soon as it is known who it is, before Redis is asked for a session: one place for all routes.
  const counted =
    (authenticate: Authenticate): Authenticate =>
    async (request) => {
      const identity = await authenticate(request);
      if (identity !== null) await limit(countedUser(identity));
      return identity;
    };
  const guards = guardsWith(counted(signIns.authenticate));
  const lapsed = guardsWith(counted(signIns.authenticateLapsed));
  const recent = guardsWith(signIns.authenticate, { maxAuthenticationAge });
  const addressOf = (c: Context<Env>): string | undefined => guards.page.clientAddress(c.req.raw, peerAddress(c));

  return {
    clientAddress: addressOf,
    signedIn: async (c, next) => {
      const { denied, identity } = await guards[wayOf(c.req.raw)].authenticate(c.req.raw);
      if (denied) return denied;
      c.set("user", identity);
      return next();
    },
    inSession: admitting(guards),
    here: admitting({ program: guards.program, page: lapsed.page }),
    inSessionLapsed: admitting(lapsed),
    recentlySignedIn: async (c, next) => {
      const { denied } = await recent[wayOf(c.req.raw)].authenticate(c.req.raw);
      return denied ?? next();
    },
    anyone: async (c, next) => {
      await limit(countedAddress(addressOf(c)));
      return next();
    },
    token: (c) => guards[wayOf(c.req.raw)].token(c.req.raw),
    issue: (c, token) => {
      if (wayOf(c.req.raw) === "program") return { token };
      setCookies(c, (headers) => guards.page.issue(headers, token));
      return {};
    },
    issueSignIn: (c, jwt, way = wayOf(c.req.raw)) => {
      if (way === "program") return { jwt };
      setCookies(c, (headers) => setSignIn(headers, jwt));
      return {};
    },
    endOwn: async (c) => {
      const token = guards[wayOf(c.req.raw)].token(c.req.raw);
      if (token === undefined) return;
      try {
        await sessions.end(token);
      } catch (error) {
        if (!(error instanceof InvalidTokenError)) throw error;
      }
    },
    clearSession: (c) => setCookies(c, (headers) => guards.page.clear(headers)),
    clear: (headers) => {
      guards.page.clear(headers);
      clearSignIn(headers);
    },
  };
}

function admitting(guards: Guards): MiddlewareHandler<Env> {
  return async (c, next) => {
    const request = c.req.raw;
    const agentId = c.req.param("agentId") ?? anyAgent;
    const way = wayOf(request);
    const { denied, session, identity } = await guards[way](request, { agentId, peerAddress: peerAddress(c) });
    if (denied) return denied;
    if (way === "page") refuseOtherSession(request, session);
    c.set("user", identity);
    c.set("session", session);
    return next();
  };
}

/**
 * The tabs of a browser share its cookies. When another user signs in in one tab, the others still show the first one,
 * and what is done there must not be done in the second one's name. So the page says which session it shows. To read
 * without saying so is allowed: that is how a page finds out.
 *
 * @throws ServiceError `SESSION_CHANGED`
 */
function refuseOtherSession({ method, headers }: Request, { id }: Session): void {
  const expected = headers.get("X-Expected-Session");
  if (expected === null ? method !== "GET" && method !== "HEAD" : expected !== id) {
    throw new ServiceError("SESSION_CHANGED");
  }
}

function setCookies(c: Context<Env>, write: (headers: Headers) => void): void {
  const headers = new Headers();
  write(headers);
  for (const cookie of headers.getSetCookie()) c.header("Set-Cookie", cookie, { append: true });
}

/** Where there is a connection: not in a test that calls the app itself. */
function peerAddress(c: Context<Env>): string | undefined {
  return c.env.incoming === undefined ? undefined : getConnInfo(c).remote.address;
}
