import { isLangChainRedisError, type SessionEndReason } from "../errors.js";

/**
 * The reason why a request was not served, as a problem document (RFC 9457). The texts are fixed. They contain no part
 * of the request, of the error or of the stored data.
 */
export interface Problem {
  /** `"about:blank"` means that the problem has no type beyond its HTTP status. Branch on `code`. */
  readonly type: "about:blank";
  /** The name of the status. */
  readonly title: string;
  /** The HTTP status. */
  readonly status: number;
  /** An explanation for a developer. */
  readonly detail: string;
  /** Identifies the problem. Stable across versions. */
  readonly code: ProblemCode;
  /** With `SESSION_NOT_FOUND`: the reason why the session is no longer live, if it is known. */
  readonly reason?: SessionEndReason;
  /** The number of seconds to wait. Also sent as `Retry-After`. */
  readonly retryAfter?: number;
  /**
   * With `REAUTHENTICATION_REQUIRED`: the longest time since the sign-in that is accepted, in seconds. Also sent in
   * `WWW-Authenticate`.
   */
  readonly maxAge?: number;
}

interface Kind {
  readonly status: number;
  readonly detail: string;
  /** The number of seconds to wait if the error has no `retryAfter` of its own. */
  readonly retryAfter?: number;
}

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  409: "Conflict",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  // A status of IIS, not registered with IANA: the client has to start a new session. A 401 would make the client fetch
  // new credentials, although its credentials are valid.
  440: "Login Time-out",
  503: "Service Unavailable",
};

/** The code of a problem: the `code` of an error of this library, or a refusal of the guard. */
export type ProblemCode =
  | "UNAUTHENTICATED"
  | "AUTHENTICATION_UNAVAILABLE"
  | "REAUTHENTICATION_REQUIRED"
  | "CROSS_SITE_REQUEST"
  | "SESSION_TOKEN_MISSING"
  | "SESSION_TOKEN_DUPLICATED"
  | "INVALID_TOKEN"
  | "INVALID_EVENT_ID"
  | "SESSION_NOT_FOUND"
  | "SESSION_MISMATCH"
  | "CONVERSATION_BUSY"
  | "SESSION_LIMIT"
  | "QUOTA_EXCEEDED"
  | "CONVERSATION_NOT_FOUND"
  | "CONVERSATION_CHANGED"
  | "CONVERSATION_EXISTS"
  | "CONVERSATION_TOO_LARGE"
  | "POSITION_NOT_FOUND"
  | "ANSWER_STOPPED"
  | "THREAD_CHANGED"
  | "THREAD_DELETED"
  | "SEARCH_TOO_LARGE"
  | "OPERATION_CONFLICT"
  | "VERSION_CONFLICT"
  | "STORE_UNAVAILABLE"
  | "STORAGE_FULL"
  | "NOT_REPLICATED"
  | "TURN_NOT_STORED";

// Errors are found by code, not by class, because an error may come from another copy of this package, or from a part
// of it that the program does not import. `problemOf` first checks that the error belongs to this library, because the
// error of a tool may have any code. An error that is not listed here (InvalidOptionError, CorruptMessageError …) is a
// fault of the server.
const kinds: Readonly<Record<ProblemCode, Kind>> = {
  UNAUTHENTICATED: { status: 401, detail: "The request needs valid credentials." },
  AUTHENTICATION_UNAVAILABLE: { status: 503, detail: "Credentials cannot be checked at the moment." },
  // The credentials are valid, but their sign-in is too old. A renewed token does not help.
  REAUTHENTICATION_REQUIRED: { status: 401, detail: "The sign-in is too old. Sign in again." },
  CROSS_SITE_REQUEST: {
    status: 403,
    detail:
      "The request does not show that it comes from this site. Send the header Sec-Fetch-Site: same-origin, as " +
      "browsers do, or this site's Origin without Sec-Fetch-Site. With curl: -H 'Sec-Fetch-Site: same-origin'.",
  },
  SESSION_TOKEN_MISSING: { status: 440, detail: "The request has no session token. Start a session." },
  SESSION_TOKEN_DUPLICATED: { status: 400, detail: "The request has more than one session token. Send one." },
  INVALID_TOKEN: { status: 440, detail: "This is not a session token. Start a session." },
  INVALID_EVENT_ID: { status: 400, detail: "This is not the id of an event. Follow the answer from its beginning." },
  SESSION_NOT_FOUND: { status: 440, detail: "The session is no longer live. Start another one." },
  SESSION_MISMATCH: { status: 403, detail: "The session does not match this request." },
  CONVERSATION_BUSY: {
    status: 409,
    detail: "Another turn of this conversation is running, or ran meanwhile. Try again.",
  },
  // The time at which a session will end is not known, but idle sessions end by themselves.
  SESSION_LIMIT: { status: 429, detail: "The user has as many sessions as allowed. End one.", retryAfter: 60 },
  QUOTA_EXCEEDED: { status: 429, detail: "A quota is used up." },
  CONVERSATION_NOT_FOUND: { status: 404, detail: "There is no such conversation." },
  CONVERSATION_CHANGED: { status: 409, detail: "The conversation was changed meanwhile, so nothing was stored." },
  CONVERSATION_EXISTS: { status: 409, detail: "Another conversation has this id, so nothing was stored." },
  CONVERSATION_TOO_LARGE: {
    status: 422,
    detail: "The conversation has too many messages, or its messages are too large, for this request.",
  },
  POSITION_NOT_FOUND: {
    status: 409,
    detail: "The conversation has no message at this position. Read its messages again.",
  },
  ANSWER_STOPPED: { status: 409, detail: "The answer was stopped, or a later request took its place." },
  THREAD_CHANGED: { status: 409, detail: "The agent's state was changed meanwhile, so nothing was stored. Try again." },
  THREAD_DELETED: { status: 409, detail: "The agent's state was deleted meanwhile, so nothing was stored." },
  SEARCH_TOO_LARGE: { status: 422, detail: "The search would have to look at too many items. Narrow it down." },
  OPERATION_CONFLICT: { status: 409, detail: "The operation id was used before. The first write stands." },
  VERSION_CONFLICT: { status: 409, detail: "The value was changed meanwhile." },
  STORE_UNAVAILABLE: { status: 503, detail: "Sessions cannot be reached at the moment." },
  STORAGE_FULL: { status: 503, detail: "Nothing can be stored at the moment." },
  NOT_REPLICATED: { status: 503, detail: "The write is stored, but not yet on enough replicas. Try again." },
  TURN_NOT_STORED: { status: 503, detail: "The turn could not be stored." },
};

const reasons: readonly unknown[] = ["ended", "evicted", "expired", "rotated"] satisfies SessionEndReason[];

/** The number of nested causes to search. langchain wraps the errors of its middleware. */
const MAX_CAUSES = 5;

/**
 * Returns the problem that an error of this library means for a client. Also finds such an error in the `cause` of
 * another error. Returns `undefined` for any other error, whatever its `code`. See `isLangChainRedisError`.
 *
 * @example
 * ```ts
 * const problem = problemOf(error);
 * if (problem) reply.status(problem.status).send(problem);
 * ```
 */
export function problemOf(error: unknown): Problem | undefined {
  let found: Problem | undefined;
  for (
    let depth = 0, current = error;
    depth < MAX_CAUSES && current instanceof Error;
    depth++, current = current.cause
  ) {
    const { code, reason, retryAfter } = current as { code?: unknown; reason?: unknown; retryAfter?: unknown };
    if (isLangChainRedisError(current) && isProblemCode(code)) found = problem(code, { reason, retryAfter });
    // The cause of a turn that was not stored says more, for example that its session has ended.
    if (found !== undefined && found.code !== "TURN_NOT_STORED") return found;
  }
  return found;
}

/** @internal */
export function problem(
  code: ProblemCode,
  known: { reason?: unknown; retryAfter?: unknown; maxAge?: number | undefined } = {},
): Problem {
  const { status, detail, retryAfter } = kinds[code];
  const seconds = typeof known.retryAfter === "number" && known.retryAfter > 0 ? known.retryAfter : retryAfter;
  return {
    type: "about:blank",
    title: titles[status] ?? "",
    status,
    detail,
    code,
    ...(code === "SESSION_NOT_FOUND" && isReason(known.reason) ? { reason: known.reason } : {}),
    // 0 demands a new sign-in, however recent the last one is (OpenID Connect Core 1.0, 3.1.2.1).
    ...(code === "REAUTHENTICATION_REQUIRED" ? { maxAge: Math.floor(known.maxAge ?? 0) } : {}),
    ...(seconds === undefined || !Number.isFinite(seconds) ? {} : { retryAfter: Math.ceil(seconds) }),
  };
}

/**
 * Returns the response to an error of this library, with a body of `application/problem+json`: for example 409 for a
 * busy conversation, 429 for a limit or a quota, 440 for a session that is no longer live, or 503 if Redis is
 * unavailable.
 *
 * @returns `undefined` for any other error. Rethrow that error.
 *
 * @example
 * ```ts
 * app.onError((error) => problemResponse(error) ?? new Response("Internal Server Error", { status: 500 })); // Hono
 * ```
 */
export function problemResponse(error: unknown): Response | undefined {
  const found = problemOf(error);
  return found && toResponse(found);
}

/** @internal */
export function toResponse(answered: Problem): Response {
  const headers = new Headers({ "Content-Type": "application/problem+json", "Cache-Control": "no-store" });
  if (answered.status === 401) headers.set("WWW-Authenticate", challenge(answered));
  if (answered.retryAfter !== undefined) headers.set("Retry-After", String(answered.retryAfter));
  return new Response(JSON.stringify(answered), { status: answered.status, headers });
}

/** Returns the challenge of RFC 9470, 3, if the sign-in is too old, otherwise that of RFC 6750, 3. */
function challenge({ maxAge }: Problem): string {
  if (maxAge === undefined) return "Bearer";
  const description = "A more recent authentication is required";
  return `Bearer error="insufficient_user_authentication", error_description="${description}", max_age="${maxAge}"`;
}

function isProblemCode(code: unknown): code is ProblemCode {
  return typeof code === "string" && Object.hasOwn(kinds, code);
}

function isReason(reason: unknown): reason is SessionEndReason {
  return reasons.includes(reason);
}
