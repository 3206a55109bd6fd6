import { isLangChainRedisError, type SessionEndReason } from "../errors.js";

/**
 * Why a request was not served, as RFC 9457 has it. Texts are fixed: nothing of the request, of the error or of what is
 * stored shows in them.
 */
export interface Problem {
  /** Says that `status` tells all there is to know of the kind; branch on `code`. */
  readonly type: "about:blank";
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Stable across versions: of the error, or of the guard. */
  readonly code: ProblemCode;
  /** With `SESSION_NOT_FOUND`: why the session is no longer live, as long as that is known. */
  readonly reason?: SessionEndReason;
  /** In seconds, also sent as `Retry-After`. */
  readonly retryAfter?: number;
  /** With `REAUTHENTICATION_REQUIRED`: how many seconds ago the user may have signed in; also in `WWW-Authenticate`. */
  readonly maxAge?: number;
}

interface Kind {
  readonly status: number;
  readonly detail: string;
  /** Seconds, where the error has none of its own. */
  readonly retryAfter?: number;
}

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  409: "Conflict",
  429: "Too Many Requests",
  // Not of IANA, but of IIS, and understood by it: a session, not the user, has to be renewed. 401 would make a client
  // fetch new credentials, which are good already.
  440: "Login Time-out",
  503: "Service Unavailable",
};

/** What a client may be told of, by the code of the error or of the guard's own verdict. */
export type ProblemCode =
  | "UNAUTHENTICATED"
  | "AUTHENTICATION_UNAVAILABLE"
  | "REAUTHENTICATION_REQUIRED"
  | "CROSS_SITE_REQUEST"
  | "SESSION_TOKEN_MISSING"
  | "SESSION_TOKEN_DUPLICATED"
  | "INVALID_TOKEN"
  | "SESSION_NOT_FOUND"
  | "SESSION_MISMATCH"
  | "CONVERSATION_BUSY"
  | "SESSION_LIMIT"
  | "QUOTA_EXCEEDED"
  | "CONVERSATION_NOT_FOUND"
  | "CONVERSATION_CHANGED"
  | "OPERATION_CONFLICT"
  | "VERSION_CONFLICT"
  | "STORE_UNAVAILABLE"
  | "STORAGE_FULL"
  | "NOT_REPLICATED"
  | "TURN_NOT_STORED";

// By code and not by class: an error may come from another copy of this package, or from a part of it that a program
// does not use. Whether it is one of this library is looked at first: what a tool throws may have any code. What is not
// here (InvalidOptionError, CorruptMessageError …) is a fault of the server.
const kinds: Readonly<Record<ProblemCode, Kind>> = {
  UNAUTHENTICATED: { status: 401, detail: "The request needs valid credentials." },
  AUTHENTICATION_UNAVAILABLE: { status: 503, detail: "Credentials cannot be checked at the moment." },
  // The credentials are good, and their sign-in is too old: renewing them does not help.
  REAUTHENTICATION_REQUIRED: { status: 401, detail: "The sign-in is too old for this. Sign in anew." },
  CROSS_SITE_REQUEST: {
    status: 403,
    detail:
      "The request does not show that it comes from this site: it needs the header Sec-Fetch-Site: same-origin, which " +
      "browsers send, or in its absence this site's Origin. With curl: -H 'Sec-Fetch-Site: same-origin'.",
  },
  SESSION_TOKEN_MISSING: { status: 440, detail: "The request has no session token. Start a session." },
  SESSION_TOKEN_DUPLICATED: { status: 400, detail: "The request has more than one session token. Send one." },
  INVALID_TOKEN: { status: 440, detail: "This is not a session token. Start a session." },
  SESSION_NOT_FOUND: { status: 440, detail: "The session is no longer live. Start another one." },
  SESSION_MISMATCH: { status: 403, detail: "The session is not for this request." },
  CONVERSATION_BUSY: { status: 409, detail: "Another turn of this session is running, or ran meanwhile. Try again." },
  // When one ends is not known; idle ones end by themselves.
  SESSION_LIMIT: { status: 429, detail: "There are as many sessions as allowed. End one.", retryAfter: 60 },
  QUOTA_EXCEEDED: { status: 429, detail: "A quota is used up." },
  CONVERSATION_NOT_FOUND: { status: 404, detail: "There is no such conversation." },
  CONVERSATION_CHANGED: { status: 409, detail: "The conversation was cleared meanwhile; nothing was stored." },
  OPERATION_CONFLICT: { status: 409, detail: "The operation id was used before with other content." },
  VERSION_CONFLICT: { status: 409, detail: "The value was changed meanwhile." },
  STORE_UNAVAILABLE: { status: 503, detail: "Sessions cannot be reached at the moment." },
  STORAGE_FULL: { status: 503, detail: "Nothing can be stored at the moment." },
  NOT_REPLICATED: { status: 503, detail: "It was stored, and is not safe yet. Try again." },
  TURN_NOT_STORED: { status: 503, detail: "The turn could not be stored." },
};

const reasons: readonly unknown[] = ["ended", "evicted", "expired", "rotated"] satisfies SessionEndReason[];

/** How deep an error may lie in the causes of another: langchain wraps what its middleware throws. */
const MAX_CAUSES = 5;

/**
 * What an error of this library means to a client, also one that lies in the `cause` of another. `undefined` for any
 * other error, whatever its `code`; see `isLangChainRedisError`.
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
    // Why a turn was not stored says more: its session ended, say.
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
    // 0: whenever that was, it does not count (OpenID Connect Core 1.0, 3.1.2.1).
    ...(code === "REAUTHENTICATION_REQUIRED" ? { maxAge: Math.floor(known.maxAge ?? 0) } : {}),
    ...(seconds === undefined || !Number.isFinite(seconds) ? {} : { retryAfter: Math.ceil(seconds) }),
  };
}

/**
 * Answers an error of this library that a handler met: 409 for a busy session, 429 with `Retry-After` for a limit or a
 * quota, 440 for a session that ended meanwhile, 503 when Redis is away. The body is `application/problem+json`.
 *
 * @returns `undefined` for any other error: throw it on.
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

/** RFC 9470, 3, where the sign-in is too old; else RFC 6750, 3. */
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
