import { InvalidOptionError } from "../errors.js";
import { ownerSchema } from "../sessions/options.js";
import type { Session } from "../sessions/schema.js";
import { idSchema } from "../options/validation.js";
import { mayBeForged } from "./cross-site.js";
import { anyAgent, type Denial, type GuardParts } from "./guard-options.js";
import { type Identity, isRefusal } from "./identity.js";
import { type Problem, problem, problemOf, toResponse } from "./problem.js";

// What every guard does with a request, in this order: who is it, did their own page send it, is the session theirs.
// There is no way through but to the end: whatever is thrown on the way is a refusal or thrown on.

/** The request was refused: answer `denied`. */
export interface Refused {
  readonly denied: Response;
  readonly session?: undefined;
  readonly identity?: undefined;
}

/** It is known who sent the request. */
export interface Authenticated<User extends Identity> {
  readonly denied?: undefined;
  readonly identity: User;
}

/** The session is live and belongs to who sent the request. */
export interface Admitted<User extends Identity> extends Authenticated<User> {
  readonly session: Session;
}

/** A request, and what only the framework knows of it. */
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
  // `isLoggedIn && user` is false as easily as it is undefined.
  if (!identity) return refuse(parts, request, problem("UNAUTHENTICATED"));
  if (!ownerSchema.safeParse(identity).success) {
    throw new InvalidOptionError("authenticate", "return { userId, orgId? } of non-empty strings; nobody: null.");
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
    throw new InvalidOptionError("agentId", "say which agent the request is for, here or as an option; or anyAgent.");
  }
  const result = await authenticated(parts, incoming);
  if (result.denied) return result;
  const { identity } = result;
  const [token, ...others] = parts.carrier.read(request.headers);
  if (token === undefined) return refuse(parts, request, problem("SESSION_TOKEN_MISSING"));
  if (others.length > 0) return refuse(parts, request, problem("SESSION_TOKEN_DUPLICATED"));
  // It may come from the address of the request; what cannot be an id is no session's.
  if (agentId !== anyAgent && !idSchema.safeParse(agentId).success) {
    return refuse(parts, request, problem("SESSION_MISMATCH"));
  }
  try {
    const session = await parts.sessions.verify(token, {
      userId: identity.userId,
      // There and undefined: only a session without an organisation.
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

/** A time that is not known, or none, is not recent. */
function isRecent({ authenticatedAt }: Identity, seconds: number): boolean {
  return authenticatedAt !== undefined && Date.now() - authenticatedAt.getTime() <= seconds * 1_000;
}

async function refuse(parts: GuardParts, request: Request, found: Problem, error?: unknown): Promise<Refused> {
  const response = toResponse(found);
  const denial: Denial = { request, problem: found, response, ...(error === undefined ? {} : { error }) };
  return { denied: uncached((await parts.onDenied?.(denial)) ?? response) };
}

/** A refusal that a cache keeps would be shown to somebody who is let in. */
function uncached(response: Response): Response {
  if (response.headers.get("Cache-Control") === "no-store") return response;
  const { status, statusText } = response;
  // A copy: the headers of some responses cannot be changed.
  const headers = new Headers(response.headers);
  headers.set("Cache-Control", "no-store");
  return new Response(response.body, { status, statusText, headers });
}
