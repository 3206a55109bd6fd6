import * as z from "../options/schema.js";
import { type Duration, durationSchema } from "../options/duration.js";
import { InvalidOptionError } from "../errors.js";
import { parseToken } from "../sessions/token.js";
import { validate } from "../options/validation.js";
import { withoutPadding } from "./padding.js";
import { once } from "../options/once.js";

/**
 * The way in which requests and responses carry the session token. The token is never in the URL, which would copy it to
 * logs, browser histories and `Referer`.
 *
 * - `"header"` or `{ header: "X-Chat-Session" }`: a header, by default `X-Session-Id`. Suits programs, and pages of
 *   another origin. Another site cannot send the header unless your CORS rules allow it.
 * - `"cookie"` or a {@link CookieTransport}: a cookie that scripts cannot read, by default `__Host-session`.
 */
export type SessionTransport = "header" | "cookie" | { readonly header: string } | CookieTransport;

/**
 * Carries the token in a cookie that is `Secure`, `HttpOnly` and bound to this host. The guard then also rejects
 * cross-site requests.
 */
export interface CookieTransport {
  /** The name of the cookie. Must begin with `__Host-`, so that no other host and no page without TLS can set it. */
  readonly cookie: string;
  /**
   * Decides which requests from other sites carry the cookie. With `"Strict"`, no such request does, which suits pages that
   * fetch their data from your server. With `"Lax"`, the browser sends the cookie when the user follows a link from another
   * site. Requests from your own pages always carry the cookie.
   * @default "Strict"
   */
  readonly sameSite?: "Strict" | "Lax" | undefined;
  /**
   * The time for which the browser keeps the cookie. The session's own timeouts apply in any case.
   * @default until the browser is closed
   */
  readonly maxAge?: Duration | undefined;
  /**
   * Other origins whose pages may send state-changing requests, such as `"https://app.example.com"`.
   * @default none
   */
  readonly trustedOrigins?: readonly string[] | undefined;
}

export interface TokenCarrier {
  /** Returns every session token of the request, valid or not, without surrounding spaces and tabs. */
  readonly read: (headers: Headers) => string[];
  /** Adds a token to the headers of a response. */
  readonly issue: (headers: Headers, token: string) => void;
  /** Adds the header that makes the browser delete the token. */
  readonly clear: (headers: Headers) => void;
  /** The other origins that may send state-changing requests. Absent if other sites cannot send the token at all. */
  readonly trustedOrigins?: ReadonlySet<string>;
}

// RFC 9110, 5.6.2
const headerSchema = once(() =>
  z.strictObject({
    header: z.check(
      z.string("use a string"),
      z.regex(/^[\w!#$%&'*+.^`|~-]+$/, "use the name of a header, such as X-Session-Id"),
      z.regex(
        /^(?!(?:authorization|cookie|set-cookie)$)/i,
        "use a header other than Authorization, Cookie and Set-Cookie",
      ),
    ),
  }),
);
const cookieSchema = once(() =>
  z.strictObject({
    cookie: z.check(
      z.string("use a string"),
      z.regex(/^__Host-[\w!#$%&'*+.^`|~-]+$/, "use a name that begins with __Host-"),
    ),
    sameSite: z._default(z.enum(["Strict", "Lax"], 'use "Strict" or "Lax"'), "Strict"),
    maxAge: z.optional(durationSchema()),
    trustedOrigins: z._default(
      z.array(z.check(z.string(), z.refine(isOrigin, "use origins, such as https://app.example.com")), "use an array"),
      [],
    ),
  }),
);

export function parseTransport(transport: SessionTransport): TokenCarrier {
  if (transport === "header") return headerCarrier("X-Session-Id");
  if (transport === "cookie") return cookieCarrier({ cookie: "__Host-session" });
  if (typeof transport !== "object" || transport === null) {
    throw new InvalidOptionError("transport", 'use "header", "cookie", { header } or { cookie }.');
  }
  if ("cookie" in transport) return cookieCarrier(transport);
  return headerCarrier(validate(headerSchema(), "transport", transport).header);
}

function headerCarrier(name: string): TokenCarrier {
  return {
    // Two headers of the same name arrive as one value, joined by a comma. A token contains no comma.
    read: (headers) => headers.get(name)?.split(",").map(withoutPadding) ?? [],
    issue: (headers, token) => {
      parseToken(token);
      headers.set(name, token);
      headers.set("Cache-Control", "no-store");
    },
    clear: (headers) => {
      headers.set("Cache-Control", "no-store");
    },
  };
}

function cookieCarrier(transport: CookieTransport): TokenCarrier {
  const { cookie: name, sameSite, maxAge, trustedOrigins } = validate(cookieSchema(), "transport", transport);
  const kept = maxAge === undefined ? "" : `; Max-Age=${Math.ceil(maxAge / 1_000)}`;
  const set = (headers: Headers, value: string, age: string): void => {
    headers.append("Set-Cookie", `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=${sameSite}${age}`);
    headers.set("Cache-Control", "no-store");
  };
  return {
    // Values are read as sent, because a token contains no quotes or escapes. The token is checked later.
    read: (headers) =>
      (headers.get("Cookie") ?? "")
        .split(";")
        .map(withoutPadding)
        .filter((pair) => pair.startsWith(`${name}=`))
        .map((pair) => withoutPadding(pair.slice(name.length + 1))),
    issue: (headers, token) => {
      // Another text could contain a line break or a cookie attribute.
      parseToken(token);
      set(headers, token, kept);
    },
    clear: (headers) => set(headers, "", "; Max-Age=0"),
    trustedOrigins: new Set(trustedOrigins),
  };
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}
