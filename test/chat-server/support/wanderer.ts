/** A browser, as far as signing in takes one: it keeps cookies, follows redirects and sends forms. */
export class Wanderer {
  readonly cookies = new Map<string, string>();
  /** Every address that it was sent to. */
  readonly visited: string[] = [];

  async go(address: string, form?: Readonly<Record<string, string>>): Promise<{ url: string; text: string }> {
    let [url, body] = [address, form];
    for (;;) {
      this.visited.push(url);
      const response = await fetch(url, {
        method: body === undefined ? "GET" : "POST",
        headers: { Cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
        body: body === undefined ? null : new URLSearchParams(body),
        redirect: "manual",
      });
      for (const cookie of response.headers.getSetCookie()) this.#keep(cookie);
      const text = await response.text();
      const location = response.headers.get("Location");
      if (location === null) return { url, text };
      [url, body] = [new URL(location, url).href, undefined];
    }
  }

  /** From the page's button through the provider's forms, and back to the page. */
  async signIn(serviceUrl: string, login: string, query = ""): Promise<string> {
    return this.fill(await this.go(`${serviceUrl}/sign-in/start${query}`), login);
  }

  /** Fills in the provider's forms, until there is none. */
  async fill({ url, text }: { url: string; text: string }, login: string): Promise<string> {
    for (let action = formOf(text); action !== undefined; action = formOf(text)) {
      const prompt = text.includes('value="login"') ? "login" : "consent";
      ({ url, text } = await this.go(new URL(action, url).href, { prompt, login, password: "any" }));
    }
    return url;
  }

  /** At the provider, which tells the service. */
  async signOutAt(issuer: string): Promise<void> {
    const { url, text } = await this.go(`${issuer}/session/end`);
    const [, xsrf = ""] = /name="xsrf" value="([^"]+)"/.exec(text) ?? [];
    await this.go(new URL(formOf(text) ?? "", url).href, { xsrf, logout: "yes" });
  }

  #keep(cookie: string): void {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    if (value === "" || /max-age=0|expires=Thu, 01 Jan 1970/i.test(cookie)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

function formOf(text: string): string | undefined {
  return /<form [^>]*action="([^"]+)"/.exec(text)?.[1];
}
