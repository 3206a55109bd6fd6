// A browser sends a cookie with every request to its host, including requests that a page of another origin makes.
// SameSite withholds the cookie from most requests of other sites, but not from those of another subdomain, and not in
// an old browser. So a request that may change something must also show that it comes from this origin (OWASP,
// Cross-Site Request Forgery Prevention: Fetch Metadata, or Origin where that is missing). A request that shows neither
// is refused. A program without a browser uses the header transport.

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Returns `true` if a page of another origin may have made the browser send this request. */
export function mayBeForged(request: Request, trustedOrigins: ReadonlySet<string>): boolean {
  // A WebSocket opens with a GET request, and its messages may then change anything.
  if (safeMethods.has(request.method) && !request.headers.has("Upgrade")) return false;
  const origin = request.headers.get("Origin");
  if (origin !== null && trustedOrigins.has(origin)) return false;
  const site = request.headers.get("Sec-Fetch-Site");
  // "none" means that the user typed the address or opened a bookmark. No page can set this header.
  if (site !== null) return site !== "same-origin" && site !== "none";
  // Compares hosts, not origins, because behind a proxy that terminates TLS the request's scheme is not the browser's.
  // Uses the Host header, which no page can set, because the URL of a Next.js request contains the server's own host
  // name.
  const host = request.headers.get("Host") ?? new URL(request.url).host;
  return origin === null || !URL.canParse(origin) || new URL(origin).host !== host.toLowerCase();
}
