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
import type { Session } from "../sessions/schema.js";
import { addHeaders, send, toWebRequest } from "./web-request.js";

declare global {
  namespace Express {
    interface Request {
      /** The live session of who sent this request. There behind {@link expressSession}, and nowhere else. */
      agentSession: Session;
      /** Who sent this request: what your `authenticate` returned. There behind `expressSession(…)` and its `authenticate`. */
      agentIdentity: Identity;
    }
  }
}

/** Options of {@link expressSession}. */
export interface ExpressSessionOptions extends GuardSettings {
  /**
   * Who sent the request, as in `sessionGuard`. The second argument is Express' own request, for an identity that
   * another middleware has found: `(_request, { user }) => user`.
   */
  authenticate: (
    request: Request,
    expressRequest: ExpressRequest,
  ) => Identity | null | undefined | Promise<Identity | null | undefined>;
  /** Which agent a request is for; a function gets Express' request: `({ params }) => String(params.agentId)`. */
  agentId: ExpectedAgent<ExpressRequest>;
}

/** A middleware that lets a request through with its session; made by {@link expressSession}. */
export interface ExpressSession extends RequestHandler {
  /** A middleware that asks for no session and sets `req.agentIdentity` only: for the request that starts one. */
  readonly authenticate: RequestHandler;
  /** The client's address, in the spelling that sessions are compared by; `undefined` when it is not known. */
  clientAddress(request: ExpressRequest): string | undefined;
  /** The session token of the request, not yet verified: for `rotate` and `end`. `undefined`: none, or several. */
  token(request: ExpressRequest): string | undefined;
  /**
   * Puts the token of a new or rotated session into the headers of the response.
   *
   * @throws InvalidTokenError when it is no token.
   */
  issue(response: ExpressResponse, token: string): void;
  /** Tells the browser to forget its cookie. End the session, too. */
  clear(response: ExpressResponse): void;
}

/**
 * `sessionGuard` as Express 5 middleware: sets `req.agentSession`, or answers the request itself, with the same problems.
 * What `authenticate` and `onDenied` throw goes to Express' error handling.
 *
 * Express' `trust proxy` setting and `req.ip` are not used: the client's address is that of the socket, or what
 * `clientAddress` says.
 *
 * @throws InvalidOptionError when an option is missing, unknown or of the wrong form.
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
  if (agentId === undefined) throw new InvalidOptionError("agentId", "say which agent requests are for, or anyAgent.");
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
 * Answers what handlers throw, where it is an error of this library, as `problemResponse` does; passes on everything
 * else, and what is thrown after the answer has begun. Use it last: `app.use(sessionProblems)`.
 */
export const sessionProblems: ErrorRequestHandler = (error, _request, response, next) => {
  const problem = response.headersSent ? undefined : problemResponse(error);
  if (problem === undefined) {
    next(error);
    return undefined;
  }
  return send(problem, response);
};
