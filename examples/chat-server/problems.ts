import { problemOf } from "langchain-redis-sessions/http";
import type { Log } from "./log.js";

// Every refusal and failure is a problem document (RFC 9457) with a stable code. Those of sessions come from the library;
// here are those of the service itself, and the one place that makes answers of them.

/** As it is sent. */
export interface ProblemDocument {
  readonly type: "about:blank";
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  /** Seconds. */
  readonly retryAfter?: number;
  /** What is wrong with the input, and where. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  /** The answer to a turn that could not be stored: it must not get lost. */
  readonly response?: string;
}

const kinds = {
  INVALID_BODY: { status: 400, title: "Bad Request", detail: "The body is not JSON." },
  INVALID_INPUT: { status: 422, title: "Unprocessable Content", detail: "The input is not as it has to be." },
  LOGOUT_TOKEN_INVALID: { status: 400, title: "Bad Request", detail: "This is not a logout token, or it was used." },
  CROSS_SITE_REQUEST: { status: 403, title: "Forbidden", detail: "The request did not come from this site." },
  NOT_FOUND: { status: 404, title: "Not Found", detail: "There is nothing at this address." },
  SESSION_UNKNOWN: { status: 404, title: "Not Found", detail: "You have no such live session." },
  MEMORY_NOT_FOUND: { status: 404, title: "Not Found", detail: "Nothing is remembered under this key." },
  OPERATION_CONFLICT: {
    status: 409,
    title: "Conflict",
    detail: "This Idempotency-Key was used before, and the turn that it named is stored. Read the conversation.",
  },
  SESSION_CHANGED: {
    status: 412,
    title: "Precondition Failed",
    detail:
      "This browser is in another session than the request is for; nothing was done. GET /session tells which. Send " +
      "its id in X-Expected-Session.",
  },
  BODY_TOO_LARGE: { status: 413, title: "Content Too Large", detail: "The body is too large. Send less." },
  BODY_NOT_JSON: {
    status: 415,
    title: "Unsupported Media Type",
    detail: "Send JSON, with the header Content-Type: application/json.",
  },
  HOST_UNKNOWN: {
    status: 421,
    title: "Misdirected Request",
    detail: "The service does not go by this host name. Ask for localhost, or add the name to PUBLIC_HOSTS.",
  },
  TOO_MANY_STREAMS: {
    status: 429,
    title: "Too Many Requests",
    detail: "You have as many streams open as allowed. Close one.",
  },
  RATE_LIMITED: { status: 429, title: "Too Many Requests", detail: "Too many requests. Wait, then try again." },
  CLIENT_GONE: { status: 499, title: "Client Closed Request", detail: "Nobody waits for this answer." },
  INTERNAL: { status: 500, title: "Internal Server Error", detail: "Something went wrong here; it was noted." },
  NOTHING_TO_DECIDE: {
    status: 409,
    title: "Conflict",
    detail: "No answer of this conversation waits for a decision, or another one than this.",
  },
  MODEL_RATE_LIMITED: {
    status: 502,
    title: "Bad Gateway",
    detail: "The model's provider takes no more requests at the moment. Try again in a minute.",
  },
  MODEL_QUOTA_USED_UP: {
    status: 502,
    title: "Bad Gateway",
    detail: "What this service may spend at the model's provider is used up. Tell who runs it.",
  },
  MODEL_REFUSED_KEY: {
    status: 502,
    title: "Bad Gateway",
    detail: "The model's provider refuses this service's key. Tell who runs it.",
  },
  MODEL_UNAVAILABLE: {
    status: 502,
    title: "Bad Gateway",
    detail: "The model's provider cannot be reached or has a fault. Try again in a minute.",
  },
  AGENT_FAILED: { status: 502, title: "Bad Gateway", detail: "The agent could not answer. Try again." },
  SHUTTING_DOWN: { status: 503, title: "Service Unavailable", detail: "The server is restarting. Try again." },
  STORE_UNAVAILABLE: { status: 503, title: "Service Unavailable", detail: "Redis does not answer." },
  TURN_NOT_STORED: {
    status: 503,
    title: "Service Unavailable",
    detail: "The answer could not be stored. Send the message again, with the same Idempotency-Key.",
  },
  TURN_TIMED_OUT: { status: 504, title: "Gateway Timeout", detail: "The answer took too long and was stopped." },
} as const satisfies Record<string, Pick<ProblemDocument, "status" | "title" | "detail">>;

export type OwnCode = keyof typeof kinds;

/** Thrown by whatever handles a request. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly code: OwnCode;
  readonly problem: ProblemDocument;

  constructor(code: OwnCode, more: Partial<ProblemDocument> & { readonly cause?: unknown } = {}) {
    const { cause, ...fields } = more;
    super(kinds[code].detail, cause === undefined ? undefined : { cause });
    this.code = code;
    this.problem = { type: "about:blank", ...kinds[code], code, ...fields };
  }
}

/** What the client is told of an error. */
export function problemFor(error: unknown): ProblemDocument {
  if (error instanceof ServiceError) return error.problem;
  const found = problemOf(error);
  if (found !== undefined) return found;
  return new ServiceError("INTERNAL").problem;
}

export function problemAnswer(problem: ProblemDocument): Response {
  const headers = new Headers({ "Content-Type": "application/problem+json", "Cache-Control": "no-store" });
  if (problem.retryAfter !== undefined) headers.set("Retry-After", String(problem.retryAfter));
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}

/** Notes what is a fault of the server; what the client did wrong, the line of its request tells. */
export function noteFault(log: Log, error: unknown, problem: ProblemDocument): void {
  if (problem.status < 500 || problem.status === 503) return;
  log({ level: "error", event: "fault", code: problem.code, ...whereOf(error) });
}

/** Its class, code and stack. Not its message, which may quote what was said or a key: of a provider's error it does. */
function whereOf(error: unknown): { readonly error: string; readonly at: string[] } {
  if (!(error instanceof Error)) return { error: typeof error, at: [] };
  let root = error;
  for (let depth = 0; depth < 5 && root.cause instanceof Error; depth++) root = root.cause;
  const frames = (root.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return { error: root.name, at: frames.slice(0, 5).map((line) => line.trim()) };
}
