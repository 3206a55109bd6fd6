import type {
  ErrorRequestHandler,
  NextFunction,
  Request as ExpressRequest,
  RequestHandler,
  Response as ExpressResponse,
} from "express";
import { InvalidOptionError } from "../errors.js";
import { admitted, authenticated } from "../http/checks.js";
import { onlyToken } from "../http/guard.js";
import { type ExpectedAgent, type GuardSettings, parseGuardOptions } from "../http/guard-options.js";
import type { Identity } from "../http/identity.js";
import { problemResponse } from "../http/problem.js";
import type { Session } from "../sessions/session.js";
import { addHeaders, send, toWebRequest } from "./web-request.js";

declare global {
  namespace Express {
    interface Request {
      /** The live session of the user who sent this request. Set only by the middleware {@link expressSession}. */
      agentSession: Session;
      /**
       * The user who sent this request, as returned by your `authenticate`. Set only by the middleware
       * `expressSession(…)` and by its `authenticate`.
       */
      agentIdentity: Identity;
    }
  }
}

/** Options of {@link expressSession}. */
export interface ExpressSessionOptions extends GuardSettings {
  /**
   * Returns the user who sent the request, as for `sessionGuard`. The second argument is the request of Express. Use it
   * if another middleware identifies the user: `(_request, { user }) => user`.
   */
  authenticate: (
    request: Request,
    expressRequest: ExpressRequest,
  ) => Identity | null | undefined | Promise<Identity | null | undefined>;
  /**
   * The agent that a request is for. A function takes the request of Express:
   * `({ params }) => String(params.agentId)`.
   */
  agentId: ExpectedAgent<ExpressRequest>;
}

/** Middleware that admits requests with a live session. Created by {@link expressSession}. */
export interface ExpressSession extends RequestHandler {
  /** Middleware that sets `req.agentIdentity` and requires no session. Use it for the request that starts a session. */
  readonly authenticate: RequestHandler;
  /** Returns the client's address in the spelling that sessions are compared by, or `undefined` if it is not known. */
  clientAddress(request: ExpressRequest): string | undefined;
  /**
   * Returns the session token of the request without verifying it, for `rotate` and `end`. Returns `undefined` if the
   * request has no token or several.
   */
  token(request: ExpressRequest): string | undefined;
  /**
   * Adds the token of a new or rotated session to the headers of the response.
   *
   * @throws InvalidTokenError if `token` is not a session token.
   */
  issue(response: ExpressResponse, token: string): void;
  /** Adds the header that makes the browser delete its cookie. Does not end the session. */
  clear(response: ExpressResponse): void;
}

/**
 * Creates Express 5 middleware that checks requests as `sessionGuard` does. The middleware sets `req.agentSession` and
 * `req.agentIdentity`, or answers the refused request with the same problems. Express handles the errors that the guard
 * would rethrow.
 *
 * The client's address is that of the socket, or the one that `clientAddress` determines. The setting `trust proxy` and
 * `req.ip` are not used.
 *
 * @throws InvalidOptionError if an option is missing, unknown or invalid.
 *
 * @example
 * ```ts
 * const withSession = expressSession({ sessions, authenticate, agentId: "support" });
 * app.get("/messages", withSession, async (req, res) => {
 *   res.json(await sessions.conversations.messages(req.agentSession, req.agentSession.conversationId));
 * });
 * app.use(sessionProblems);
 * ```
 */
export function expressSession(options: ExpressSessionOptions): ExpressSession {
  const parts = parseGuardOptions(options);
  const { agentId } = options;
  if (agentId === undefined) throw new InvalidOptionError("agentId", "pass an agent's id, anyAgent, or a function.");
  const incoming = (expressRequest: ExpressRequest) => {
    const request = toWebRequest(expressRequest);
    return {
      request,
      peerAddress: expressRequest.socket.remoteAddress,
      authenticate: () => options.authenticate(request, expressRequest),
    };
  };
  const middleware = async (request: ExpressRequest, response: ExpressResponse, next: NextFunction): Promise<void> => {
    const expected = typeof agentId === "function" ? agentId(request) : agentId;
    const { denied, session, identity } = await admitted(parts, { ...incoming(request), agentId: expected });
    if (denied) return send(denied, response);
    request.agentSession = session;
    request.agentIdentity = identity;
    next();
  };
  return Object.assign(middleware, {
    authenticate: async (request: ExpressRequest, response: ExpressResponse, next: NextFunction): Promise<void> => {
      const { denied, identity } = await authenticated(parts, incoming(request));
      if (denied) return send(denied, response);
      request.agentIdentity = identity;
      next();
    },
    clientAddress: (request: ExpressRequest) => parts.addressOf(toWebRequest(request), request.socket.remoteAddress),
    token: (request: ExpressRequest) => onlyToken(parts.carrier.read(toWebRequest(request).headers)),
    issue: (response: ExpressResponse, token: string) => {
      const headers = new Headers();
      parts.carrier.issue(headers, token);
      addHeaders(headers, response);
    },
    clear: (response: ExpressResponse) => {
      const headers = new Headers();
      parts.carrier.clear(headers);
      addHeaders(headers, response);
    },
  });
}

/**
 * Error-handling middleware that answers errors of this library as `problemResponse` does. Passes on any other error,
 * and any error that is thrown after the response has started. Register it last: `app.use(sessionProblems)`.
 */
export const sessionProblems: ErrorRequestHandler = (error, _request, response, next) => {
  const problem = response.headersSent ? undefined : problemResponse(error);
  if (problem === undefined) {
    next(error);
    return undefined;
  }
  return send(problem, response);
};
