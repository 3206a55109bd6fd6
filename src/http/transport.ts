import { z } from "zod";
import { type Duration, durationSchema } from "../options/duration.js";
import { InvalidOptionError } from "../errors.js";
import { parseToken } from "../sessions/token.js";
import { validate } from "../options/validation.js";
import { withoutPadding } from "./padding.js";

/**
 * How the session token travels; never in the URL, which ends up in logs, histories and `Referer`.
 *
 * - `"header"` or `{ header: "X-Chat-Session" }`: a request header, by default `X-Session-Id`. For programs, and for
 *   pages of another origin. No other site can send it without your CORS rules.
 * - `"cookie"` or a {@link CookieTransport}: a cookie, by default `__Host-session`, that scripts cannot read.
 */
export type SessionTransport = "header" | "cookie" | { readonly header: string } | CookieTransport;

/** The token in a cookie that is `Secure`, `HttpOnly` and bound to this host; with checks against cross-site requests. */
export interface CookieTransport {
  /** Begins with `__Host-`: no other host, and no page without TLS, can then set it. */
  readonly cookie: string;
  /**
   * `"Lax"` sends it also with a link from another site. `"Strict"` is right where pages fetch what they show; it is
   * sent with every request of your own pages.
   * @default "Strict"
   */
  readonly sameSite?: "Strict" | "Lax" | undefined;
  /** How long the browser keeps it. Absent, until it is closed. Redis decides in either case. */
  readonly maxAge?: Duration | undefined;
  /** Other origins whose pages may send state-changing requests, such as `"https://app.example.com"`. */
  readonly trustedOrigins?: readonly string[] | undefined;
}

export interface TokenCarrier {
  /** Every session token that the request carries, good or bad, without the spaces around it. */
  readonly read: (headers: Headers) => string[];
  /** Puts a token into the headers of a response. */
  readonly issue: (headers: Headers, token: string) => void;
  /** Tells the browser to forget the token. */
  readonly clear: (headers: Headers) => void;
  /** Origins that may send what changes something; absent, where other sites cannot send the token at all. */
  readonly trustedOrigins?: ReadonlySet<string>;
}

// RFC 9110, 5.6.2
const headerSchema = z.strictObject({
  header: z
    .string("use a string")
    .regex(/^[\w!#$%&'*+.^`|~-]+$/, "use the name of a header, such as X-Session-Id")
    // Their values are lists and schemes of their own.
    .regex(/^(?!(?:authorization|cookie|set-cookie)$)/i, "use a header of its own"),
});
const cookieSchema = z.strictObject({
  cookie: z.string("use a string").regex(/^__Host-[\w!#$%&'*+.^`|~-]+$/, "use a name that begins with __Host-"),
  sameSite: z.enum(["Strict", "Lax"], 'use "Strict" or "Lax"').default("Strict"),
  maxAge: durationSchema().optional(),
  trustedOrigins: z
    .array(z.string().refine(isOrigin, "use origins, such as https://app.example.com"), "use an array")
    .default([]),
});

export function parseTransport(transport: SessionTransport): TokenCarrier {
  if (transport === "header") return headerCarrier("X-Session-Id");
  if (transport === "cookie") return cookieCarrier({ cookie: "__Host-session" });
  if (typeof transport !== "object" || transport === null) {
    throw new InvalidOptionError("transport", 'use "header", "cookie", { header } or { cookie }.');
  }
  if ("cookie" in transport) return cookieCarrier(transport);
  return headerCarrier(validate(headerSchema, "transport", transport).header);
}

function headerCarrier(name: string): TokenCarrier {
  return {
    // The same header twice arrives as one, joined by a comma, which no token has.
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
  const { cookie: name, sameSite, maxAge, trustedOrigins } = validate(cookieSchema, "transport", transport);
  const kept = maxAge === undefined ? "" : `; Max-Age=${Math.ceil(maxAge / 1_000)}`;
  const set = (headers: Headers, value: string, age: string): void => {
    headers.append("Set-Cookie", `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=${sameSite}${age}`);
    headers.set("Cache-Control", "no-store");
  };
  return {
    // As sent: what a token is, is checked later. Quotes and escapes have no place in one.
    read: (headers) =>
      (headers.get("Cookie") ?? "")
        .split(";")
        .map(withoutPadding)
        .filter((pair) => pair.startsWith(`${name}=`))
        .map((pair) => withoutPadding(pair.slice(name.length + 1))),
    issue: (headers, token) => {
      // What is no token could hold a line break or an attribute.
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
