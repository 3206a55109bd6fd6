// Requests to the service: who is asking, what went wrong in words, and when the session turns out to be over.

/** The service answered, with a problem document. */
export class ProblemError extends Error {
  name = "ProblemError";

  constructor({ status, code = "", detail = "", reason, retryAfter }) {
    super(detail || `The service answered ${status}.`);
    Object.assign(this, { status, code, reason, retryAfter });
  }

  /** Whether nothing more can be done with this session. */
  get isSessionOver() {
    if (this.code === "REAUTHENTICATION_REQUIRED") return false;
    return this.status === 401 || this.status === 440 || overCodes.has(this.code);
  }
}

/** Of another user, or of another sign-in of this browser. */
const overCodes = new Set(["SESSION_MISMATCH", "SESSION_CHANGED"]);

/** No answer, or one that broke off. */
export class ConnectionError extends Error {
  name = "ConnectionError";
}

/**
 * Both credentials are in cookies that the browser sends by itself and that no script can read. The tabs share them, so
 * each request names the session that this page shows: the service refuses it when the browser is in another one.
 */
export class Api extends EventTarget {
  #here;
  #renewal;
  #renewals = 0;
  /** Asked when the sign-in is too old for what is to be done. Resolves with whether the user signed in again. */
  signInAnew = async () => false;
  /** Tells which end it was when the session expired: `idle` or `longest`. */
  expiry = () => "expired";

  /** @param here `{ session, user }`, for who is signed in; absent before that */
  constructor(here) {
    super();
    this.#here = here;
  }

  get sessionId() {
    return this.#here?.session.id;
  }

  get = (path) => this.#json("GET", path);
  post = (path, body = {}) => this.#json("POST", path, body);
  put = (path, body) => this.#json("PUT", path, body);
  patch = (path, body) => this.#json("PATCH", path, body);
  delete = (path) => this.#json("DELETE", path);

  /**
   * The response of a successful request.
   *
   * @throws ProblemError, ConnectionError; what an abort throws is passed on.
   */
  async open(method, path, options = {}) {
    const send = () => this.#send(method, path, options);
    const renewals = this.#renewals;
    let { response, problem } = await send();
    // The sign-in lasts for as long as the session; the proof of it has to be renewed now and then.
    if (problem?.code === "UNAUTHENTICATED" && (await this.#renewed(renewals))) {
      ({ response, problem } = await send());
    }
    if (problem?.code === "REAUTHENTICATION_REQUIRED" && (await this.signInAnew())) {
      ({ response, problem } = await send());
    }
    if (problem) throw this.failed(problem);
    if (this.#here) this.dispatchEvent(new Event("activity"));
    return response;
  }

  async #send(method, path, { body, headers = {}, signal }) {
    let response;
    try {
      response = await fetch(path, {
        method,
        headers: {
          ...(this.#here && { "X-Expected-Session": this.sessionId }),
          ...(body && { "Content-Type": "application/json" }),
          ...headers,
        },
        body: body && JSON.stringify(body),
        cache: "no-store",
        credentials: "same-origin",
        signal,
      });
    } catch (error) {
      throw signal?.aborted ? error : new ConnectionError("The service cannot be reached.", { cause: error });
    }
    return response.ok ? { response } : { problem: await problemIn(response) };
  }

  /**
   * Renews the proof of the sign-in. Requests that fail at the same time share one renewal, also a request whose failure
   * arrives when that renewal is over.
   *
   * @param renewals how many there had been when the failed request was sent
   * @throws ProblemError for what stands in the way of the renewal
   */
  async #renewed(renewals) {
    if (!this.#here) return false;
    if (this.#renewals > renewals) return true;
    this.#renewal ??= this.#renew().finally(() => (this.#renewal = undefined));
    await this.#renewal;
    return true;
  }

  async #renew() {
    const { problem } = await this.#send("POST", "/sign-in/renew", { body: {} });
    if (problem) throw this.failed(problem);
    this.#renewals++;
  }

  /** The error for a problem document, whichever way it came; the page is told when the session is over. */
  failed(problem) {
    const error = new ProblemError(problem);
    if (this.#here && error.isSessionOver) this.sessionOver(error.reason ?? error.code);
    return error;
  }

  sessionOver(reason) {
    const detail = { reason: reason === "expired" ? this.expiry() : reason, ...this.#here };
    this.dispatchEvent(new CustomEvent("over", { detail }));
  }

  async #json(method, path, body) {
    const response = await this.open(method, path, { body });
    if (response.status === 204) return undefined;
    try {
      return await response.json();
    } catch (error) {
      throw new ConnectionError("The answer broke off.", { cause: error });
    }
  }
}

async function problemIn(response) {
  try {
    const problem = await response.json();
    return { ...problem, status: response.status };
  } catch {
    return { status: response.status };
  }
}

/** What to tell a person. */
export function inWords(error) {
  if (error instanceof ConnectionError) return "The service cannot be reached at the moment.";
  if (!(error instanceof ProblemError)) return "Something went wrong.";
  const wait = error.retryAfter ? ` Try again in ${error.retryAfter} s.` : "";
  return `${texts[error.code] ?? texts[error.status] ?? error.message}${wait}`;
}

const texts = {
  REAUTHENTICATION_REQUIRED: "This takes a recent sign-in.",
  CONVERSATION_BUSY: "Another answer is still being written in this conversation.",
  SESSION_LIMIT: "There are as many sign-ins as allowed. End one first.",
  QUOTA_EXCEEDED: "A limit is used up.",
  CONVERSATION_NOT_FOUND: "This conversation no longer exists.",
  CONVERSATION_CHANGED: "This conversation was deleted meanwhile; nothing was stored.",
  VERSION_CONFLICT: "It was changed meanwhile. Look at it again first.",
  STORE_UNAVAILABLE: "Conversations cannot be reached at the moment.",
  STORAGE_FULL: "Nothing more can be stored at the moment.",
  TURN_NOT_STORED: "The answer could not be stored.",
  AGENT_FAILED: "The agent could not answer.",
  SHUTTING_DOWN: "The service is being restarted.",
  TURN_TIMED_OUT: "The answer took too long and was stopped.",
  TOO_MANY_STREAMS: "This is open in too many places. Close some of them.",
  RATE_LIMITED: "That was a lot in a short time.",
  413: "This is too long.",
};
