import { generateCookie } from "hono/cookie";

// The page's sign-in is in a cookie that scripts cannot read and that no other host can set. All tabs share it.

const NAME = "__Host-sign-in";
const attributes = { path: "/", secure: true, httpOnly: true, sameSite: "Strict" } as const;

export function setSignIn(headers: Headers, jwt: string): void {
  headers.append("Set-Cookie", generateCookie(NAME, jwt, attributes));
}

export function clearSignIn(headers: Headers): void {
  headers.append("Set-Cookie", generateCookie(NAME, "", { ...attributes, maxAge: 0 }));
}

/**
 * Returns the same credentials as a program sends them: what follows checks one form only. A request with two such
 * cookies has none: which of them is the browser's own cannot be known.
 */
export function asBearer({ headers, url }: Request): Request {
  // Only spaces and tabs may surround a pair. A cookie whose name begins with another blank is another cookie, which a
  // neighbouring host can set.
  const found = (headers.get("Cookie") ?? "").split(";").filter((pair) => /^[ \t]*__Host-sign-in=/.test(pair));
  const [jwt] = found.map((pair) => /=([\w.-]+)[ \t]*$/.exec(pair)?.[1]);
  const bearer = found.length === 1 && jwt !== undefined ? { Authorization: `Bearer ${jwt}` } : {};
  return new Request(url, { headers: bearer });
}
