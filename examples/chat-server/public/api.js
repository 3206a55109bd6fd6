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
    return this.status === 401 || this.status === 440 || this.code === "SESSION_MISMATCH";
  }
}

/** No answer, or one that broke off. */
export class ConnectionError extends Error {
  name = "ConnectionError";
}

export class Api extends EventTarget {
  #credentials;
  /** Asked when the sign-in is too old for what is to be done: a new JWT, or undefined to leave it. */
  signInAnew = async () => undefined;

  constructor(credentials = {}) {
    super();
    this.#credentials = credentials;
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
  async open(method, path, { body, headers = {}, signal } = {}) {
    const { jwt, token } = this.#credentials;
    let response;
    try {
      response = await fetch(path, {
        method,
        headers: {
          ...(jwt && { Authorization: `Bearer ${jwt}` }),
          ...(token && { "X-Session-Id": token }),
          ...(body && { "Content-Type": "application/json" }),
          ...headers,
        },
        body: body && JSON.stringify(body),
        cache: "no-store",
        signal,
      });
    } catch (error) {
      throw signal?.aborted ? error : new ConnectionError("The service cannot be reached.", { cause: error });
    }
    if (!response.ok) {
      const problem = await problemIn(response);
      const renewed = problem.code === "REAUTHENTICATION_REQUIRED" && jwt && (await this.signInAnew());
      if (!renewed) throw this.failed(problem);
      this.#credentials = { ...this.#credentials, jwt: renewed };
      return this.open(method, path, { body, headers, signal });
    }
    if (token) this.dispatchEvent(new Event("activity"));
    return response;
  }

  /** The error for a problem document, whichever way it came; the page is told when the session is over. */
  failed(problem) {
    const error = new ProblemError(problem);
    if (this.#credentials.token && error.isSessionOver) this.sessionOver(error.reason ?? error.code);
    return error;
  }

  sessionOver(reason) {
    this.dispatchEvent(new CustomEvent("over", { detail: reason }));
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
