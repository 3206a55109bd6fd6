import type { SentEvent } from "./sent-events.js";
import { sentEvents } from "./sent-events.js";

export interface Sent {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** What came back, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // What is in it, each test says by what it expects.
  readonly json: any; // oxlint-disable-line typescript/no-explicit-any
}

/** Somebody with a JWT and, once they started one, a session. */
export class Visitor {
  readonly url: string;
  readonly jwt: string;
  token = "";
  session: { readonly id: string; readonly conversationId: string } = { id: "", conversationId: "" };
  ended: readonly string[] = [];

  constructor(url: string, jwt: string) {
    this.url = url;
    this.jwt = jwt;
  }

  /** Through the service's own front door. */
  static async signedIn(url: string, user = "ada"): Promise<Visitor> {
    const { json } = await new Visitor(url, "").send("/sign-in", { body: { user } });
    return new Visitor(url, json.jwt as string);
  }

  static async inSession(url: string, user = "ada"): Promise<Visitor> {
    const visitor = await Visitor.signedIn(url, user);
    await visitor.start();
    return visitor;
  }

  async start(): Promise<void> {
    const { status, json } = await this.send("/sessions", { body: { agentId: "assistant" } });
    if (status !== 201) throw new Error(`no session: ${status}`);
    this.token = json.token;
    this.session = json.session;
    this.ended = json.ended;
  }

  /** The same visitor, to whom the service has moved. */
  at(url: string): Visitor {
    return Object.assign(new Visitor(url, this.jwt), { token: this.token, session: this.session });
  }

  get credentials(): Record<string, string> {
    return {
      ...(this.jwt === "" ? {} : { Authorization: `Bearer ${this.jwt}` }),
      ...(this.token === "" ? {} : { "X-Session-Id": this.token }),
    };
  }

  fetch(path: string, { method, body, headers = {}, signal }: Sent = {}): Promise<Response> {
    return fetch(this.url + path, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        ...this.credentials,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
      signal: signal ?? null,
    });
  }

  async send(path: string, sent: Sent = {}): Promise<Answer> {
    const response = await this.fetch(path, sent);
    const text = await response.text();
    const isJson = /\bjson\b/.test(response.headers.get("Content-Type") ?? "");
    return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : text };
  }

  /** @param conversationId absent, that which the session points at. */
  say(message: string, key?: string, conversationId?: string): Promise<Answer> {
    return this.send("/agents/assistant/chat", { body: { message, conversationId }, headers: keyed(key) });
  }

  /** A chat answer as it comes; the response itself, when it is no stream. */
  async listen(
    message: string,
    { key, signal, ...more }: { key?: string; signal?: AbortSignal; replaces?: string } = {},
  ): Promise<Listening> {
    const response = await this.fetch("/agents/assistant/chat", {
      body: { message, ...more },
      headers: { Accept: "text/event-stream", ...keyed(key) },
      ...(signal === undefined ? {} : { signal }),
    });
    return { response, events: sentEvents(response) };
  }

  /** What runs, waits or can be asked again. */
  async answer(conversationId = this.session.conversationId): Promise<Answer["json"]> {
    return (await this.send(`/conversations/${conversationId}/answer`)).json.answer;
  }

  /** The answer of the session's conversation, as it is followed from anywhere. */
  async follow(query = ""): Promise<Listening> {
    const response = await this.fetch(`/conversations/${this.session.conversationId}/answer/events${query}`);
    return { response, events: sentEvents(response) };
  }

  /** "ai: text", with "!" where a message is marked as interrupted. */
  async stored(conversationId = this.session.conversationId): Promise<string[]> {
    const { json } = await this.send(`/conversations/${conversationId}/messages?limit=100`);
    return ((json.messages ?? []) as { type: string; text: string; interrupted?: true }[]).map(
      ({ type, text, interrupted }) => `${type}${interrupted ? "!" : ""}: ${text}`,
    );
  }
}

export interface Listening {
  readonly response: Response;
  readonly events: AsyncGenerator<SentEvent, void, undefined>;
}

function keyed(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { "Idempotency-Key": key };
}
