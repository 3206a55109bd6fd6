import { InvalidOptionError } from "../errors.js";
import { ownerSchema } from "../sessions/options.js";
import type { Session } from "../sessions/session.js";
import * as z from "../options/schema.js";
import { idSchema } from "../options/validation.js";
import { mayBeForged } from "./cross-site.js";
import { anyAgent, type Denial, type GuardParts } from "./guard-options.js";
import { type Identity, isRefusal } from "./identity.js";
import { type Problem, problem, problemOf, toResponse } from "./problem.js";

// Every guard checks a request in this order: it identifies the user, rejects a forged cross-site request, and verifies
// that the session belongs to the user. A request is admitted only after the last check. Each error on the way becomes
// a refusal or is rethrown.

/** The result for a refused request. Send `denied` to the client. */
export interface Refused {
  readonly denied: Response;
  readonly session?: undefined;
  readonly identity?: undefined;
}

/** The result for a request whose user is known. */
export interface Authenticated<User extends Identity> {
  readonly denied?: undefined;
  readonly identity: User;
}

/** The result for a request with a live session of its user. */
export interface Admitted<User extends Identity> extends Authenticated<User> {
  readonly session: Session;
}

/** A request, and what only the framework knows about it. */
export interface Incoming<User extends Identity> {
  readonly request: Request;
  readonly peerAddress: string | undefined;
  readonly authenticate: () => User | null | undefined | Promise<User | null | undefined>;
  readonly agentId: string | typeof anyAgent | undefined;
}

export async function authenticated<User extends Identity>(
  parts: GuardParts,
  incoming: Pick<Incoming<User>, "request" | "authenticate">,
): Promise<Authenticated<User> | Refused> {
  const { request, authenticate } = incoming;
  let identity: User | null | undefined;
  try {
    identity = await authenticate();
  } catch (error) {
    const found = isRefusal(error) ? problem("UNAUTHENTICATED") : problemOf(error);
    if (found?.code !== "UNAUTHENTICATED" && found?.status !== 503) throw error;
    return refuse(parts, request, found, error);
  }
  // Any falsy value means nobody: `isLoggedIn && user` may be `false`.
  if (!identity) return refuse(parts, request, problem("UNAUTHENTICATED"));
  if (!z.safeParse(ownerSchema(), identity).success) {
    throw new InvalidOptionError(
      "authenticate",
      "return { userId, orgId? } with non-empty strings, or null for nobody.",
    );
  }
  const { trustedOrigins } = parts.carrier;
  if (trustedOrigins && mayBeForged(request, trustedOrigins)) {
    return refuse(parts, request, problem("CROSS_SITE_REQUEST"));
  }
  const { maxAuthenticationSeconds: maxAge } = parts;
  if (maxAge !== undefined && !isRecent(identity, maxAge)) {
    return refuse(parts, request, problem("REAUTHENTICATION_REQUIRED", { maxAge }));
  }
  return { identity };
}

export async function admitted<User extends Identity>(
  parts: GuardParts,
  incoming: Incoming<User>,
): Promise<Admitted<User> | Refused> {
  const { request, agentId } = incoming;
  if (agentId === undefined) {
    throw new InvalidOptionError("agentId", "pass an agent's id or anyAgent, with the request or as an option.");
  }
  const result = await authenticated(parts, incoming);
  if (result.denied) return result;
  const { identity } = result;
  const [token, ...others] = parts.carrier.read(request.headers);
  if (token === undefined) return refuse(parts, request, problem("SESSION_TOKEN_MISSING"));
  if (others.length > 0) return refuse(parts, request, problem("SESSION_TOKEN_DUPLICATED"));
  // The agent's id may come from the URL of the request. No session has an agent whose id is not valid.
  if (agentId !== anyAgent && !z.safeParse(idSchema(), agentId).success) {
    return refuse(parts, request, problem("SESSION_MISMATCH"));
  }
  try {
    const session = await parts.sessions.verify(token, {
      userId: identity.userId,
      // Passed even if undefined: a user without an organisation matches only a session without one.
      orgId: identity.orgId,
      ...(agentId === anyAgent ? {} : { agentId }),
      ipAddress: parts.addressOf(request, incoming.peerAddress),
      ...("authenticatedAt" in identity ? { authenticatedAt: identity.authenticatedAt } : {}),
    });
    return { session, identity };
  } catch (error) {
    const found = problemOf(error);
    if (found === undefined) throw error;
    return refuse(parts, request, found, error);
  }
}

/** Returns `true` if the user signed in within the last `seconds`. An unknown time is not recent. */
function isRecent({ authenticatedAt }: Identity, seconds: number): boolean {
  return authenticatedAt !== undefined && Date.now() - authenticatedAt.getTime() <= seconds * 1_000;
}

async function refuse(parts: GuardParts, request: Request, found: Problem, error?: unknown): Promise<Refused> {
  const response = toResponse(found);
  const denial: Denial = { request, problem: found, response, ...(error === undefined ? {} : { error }) };
  return { denied: uncached((await parts.onDenied?.(denial)) ?? response) };
}

/** Returns the response with `Cache-Control: no-store`. A cache could send a stored refusal to an admitted user. */
function uncached(response: Response): Response {
  if (response.headers.get("Cache-Control") === "no-store") return response;
  const { status, statusText } = response;
  // Copied, because the headers of some responses are immutable.
  const headers = new Headers(response.headers);
  headers.set("Cache-Control", "no-store");
  return new Response(response.body, { status, statusText, headers });
}
