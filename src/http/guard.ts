import { type Admitted, admitted, type Authenticated, authenticated, type Refused } from "./checks.js";
import { type anyAgent, parseGuardOptions, type SessionGuardOptions } from "./guard-options.js";
import type { Identity } from "./identity.js";

/** Options of one call to a guard. */
export interface GuardedRequest {
  /** The agent that the request is for. Takes precedence over the guard's `agentId` option. */
  agentId?: string | typeof anyAgent | undefined;
  /** The address of the connection, which a Web-standard `Request` does not contain. */
  peerAddress?: string | undefined;
}

/** Checks requests. Created by {@link sessionGuard}. */
export interface SessionGuard<User extends Identity = Identity> {
  /**
   * Returns the user and the session of the request, and renews the session's idle timeout. If the request is refused,
   * returns the response for the client instead.
   *
   * @throws InvalidOptionError if no agent is given, or if `authenticate` returns no valid `userId`.
   * @throws CorruptMessageError if Redis holds a session that this library did not write.
   * @throws the errors of `onDenied`, and those errors of `authenticate` that are not refusals.
   */
  (request: Request, about?: GuardedRequest): Promise<Admitted<User> | Refused>;
  /** Returns the user without checking a session. Use it for the request that starts a session. */
  authenticate(request: Request): Promise<Authenticated<User> | Refused>;
  /** Returns the client's address in the spelling that sessions are compared by, or `undefined` if it is not known. */
  clientAddress(request: Request, peerAddress?: string): string | undefined;
  /**
   * Returns the session token of the request without verifying it, for `rotate` and `end`. Returns `undefined` if the
   * request has no token or several.
   */
  token(request: Request): string | undefined;
  /**
   * Adds the token of a new or rotated session to the headers of the response.
   *
   * @throws InvalidTokenError if `token` is not a session token.
   */
  issue(headers: Headers, token: string): void;
  /** Adds the header that makes the browser delete its cookie. Does not end the session. */
  clear(headers: Headers): void;
}

/**
 * Creates a guard for Web-standard requests: Hono, Next.js route handlers, SvelteKit, Bun, Deno. The guard identifies
 * the user, then verifies the session for that user, organisation, agent and address.
 *
 * The guard answers a refused request with `application/problem+json` and one of these statuses:
 * - 400: the request has several session tokens.
 * - 401: the user is not authenticated, or has to sign in again.
 * - 403: the session belongs to another user, organisation, agent or address, or the request comes from another site.
 * - 440: the request has no session token, or the session is no longer live.
 * - 503: Redis or the identity provider is unavailable.
 *
 * @throws InvalidOptionError if an option is missing, unknown or invalid.
 *
 * @example
 * ```ts
 * const guard = sessionGuard({ sessions, authenticate, transport: "cookie" });
 *
 * export async function POST(request: Request): Promise<Response> {
 *   const { denied, session } = await guard(request, { agentId: "support" });
 *   if (denied) return denied;
 *   return Response.json(await sessions.history(session).length());
 * }
 * ```
 */
export function sessionGuard<User extends Identity>(options: SessionGuardOptions<User>): SessionGuard<User> {
  const parts = parseGuardOptions(options);
  const { authenticate, agentId } = options;
  const guard = async (request: Request, about: GuardedRequest = {}): Promise<Admitted<User> | Refused> =>
    admitted(parts, {
      request,
      peerAddress: about.peerAddress,
      authenticate: () => authenticate(request),
      agentId: about.agentId ?? (typeof agentId === "function" ? agentId(request) : agentId),
    });
  return Object.assign(guard, {
    authenticate: (request: Request) => authenticated(parts, { request, authenticate: () => authenticate(request) }),
    clientAddress: (request: Request, peerAddress?: string) => parts.addressOf(request, peerAddress),
    token: (request: Request) => onlyToken(parts.carrier.read(request.headers)),
    issue: parts.carrier.issue,
    clear: parts.carrier.clear,
  });
}

/** @internal */
export function onlyToken([token, ...others]: readonly string[]): string | undefined {
  return others.length === 0 ? token : undefined;
}
