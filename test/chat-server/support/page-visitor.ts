import type { Answer, Sent } from "./visitor.js";

/** Somebody with a browser: cookies, and the header that a browser adds to what a page of the same origin sends. */
export class PageVisitor {
  readonly url: string;
  readonly cookies: Map<string, string>;
  session: { readonly id: string; readonly conversationId: string } = { id: "", conversationId: "" };

  constructor(url: string, cookies: Map<string, string> = new Map()) {
    this.url = url;
    this.cookies = cookies;
  }

  static async inSession(url: string, user = "ada"): Promise<PageVisitor> {
    const visitor = new PageVisitor(url);
    await visitor.signIn(user);
    await visitor.start();
    return visitor;
  }

  async signIn(user = "ada"): Promise<Answer> {
    return this.send("/sign-in", { body: { user, cookie: true } });
  }

  async start(): Promise<Answer> {
    const started = await this.send("/sessions", { body: { agentId: "assistant" } });
    if (started.status !== 201) throw new Error(`no session: ${started.status}`);
    this.session = started.json.session;
    return started;
  }

  /** Another tab of the same browser, which shows the same session. */
  tab(): PageVisitor {
    return Object.assign(new PageVisitor(this.url, this.cookies), { session: this.session });
  }

  /** A header of `""` is left out. */
  async send(path: string, { method, body, headers = {} }: Sent = {}): Promise<Answer> {
    const sent: Record<string, string> = {
      "Sec-Fetch-Site": "same-origin",
      Cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; "),
      "X-Expected-Session": this.session.id,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    };
    const response = await fetch(this.url + path, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== "")),
      body: body === undefined ? null : JSON.stringify(body),
      redirect: "manual",
    });
    for (const cookie of response.headers.getSetCookie()) this.#keep(cookie);
    const text = await response.text();
    const isJson = response.headers.get("Content-Type")?.includes("json") === true;
    return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : text };
  }

  #keep(cookie: string): void {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    if (/; Max-Age=0(?:;|$)/.test(cookie)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}
