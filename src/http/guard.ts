import { type Admitted, admitted, type Authenticated, authenticated, type Refused } from "./checks.js";
import { type anyAgent, parseGuardOptions, type SessionGuardOptions } from "./guard-options.js";
import type { Identity } from "./identity.js";

/** What a guard is told with a request. */
export interface GuardedRequest {
  /** Which agent the request is for; before the option of that name. */
  agentId?: string | typeof anyAgent | undefined;
  /** The address of the connection, where the framework tells it: a Web-standard `Request` does not. */
  peerAddress?: string | undefined;
}

/** Checks requests; made by {@link sessionGuard}. */
export interface SessionGuard<User extends Identity = Identity> {
  /**
   * Who sent the request, and their session, its idle timeout renewed; or the response that refuses it.
   *
   * @throws InvalidOptionError when no agent is named, or `authenticate` returned no `userId`.
   * @throws what `authenticate` and `onDenied` throw, and CorruptMessageError: nobody is let in.
   */
  (request: Request, about?: GuardedRequest): Promise<Admitted<User> | Refused>;
  /** The same without a session: for the request that starts one. */
  authenticate(request: Request): Promise<Authenticated<User> | Refused>;
  /** The client's address, in the spelling that sessions are compared by; `undefined` when it is not known. */
  clientAddress(request: Request, peerAddress?: string): string | undefined;
  /** The session token of the request, not yet verified: for `rotate` and `end`. `undefined`: none, or several. */
  token(request: Request): string | undefined;
  /**
   * Puts the token of a new or rotated session into the headers of the response that the client gets.
   *
   * @throws InvalidTokenError when it is no token.
   */
  issue(headers: Headers, token: string): void;
  /** Tells the browser to forget its cookie. End the session, too. */
  clear(headers: Headers): void;
}

/**
 * A guard for Web-standard requests: Hono, Next.js route handlers, SvelteKit, Bun, Deno. It finds out who sent a request,
 * then verifies the session for that user, organisation, agent and address. What it refuses it answers with
 * `application/problem+json`: 401 not authenticated; 440 no session, or one that is over; 403 a session of somebody or
 * something else, or a request of another site; 400 two tokens; 503 Redis or the identity provider is away.
 *
 * @throws InvalidOptionError when an option is missing, unknown or of the wrong form.
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
