// A cookie goes along with a request whoever made the browser send it. SameSite keeps it from most requests of other
// sites, but not from those of a neighbour on the same site (another subdomain), nor in an old browser. So what changes
// something must also be shown to come from this origin (OWASP, Cross-Site Request Forgery Prevention: Fetch Metadata,
// with Origin where that is missing). What shows neither is refused: a program without a browser uses the header.

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Whether a page of another site may have sent this request in its reader's name. */
export function mayBeForged(request: Request, trustedOrigins: ReadonlySet<string>): boolean {
  // A WebSocket opens with a GET and can then do anything.
  if (safeMethods.has(request.method) && !request.headers.has("Upgrade")) return false;
  const origin = request.headers.get("Origin");
  if (origin !== null && trustedOrigins.has(origin)) return false;
  const site = request.headers.get("Sec-Fetch-Site");
  // "none": typed or bookmarked by the user. No page can set this header.
  if (site !== null) return site !== "same-origin" && site !== "none";
  // By host: behind a proxy that ends TLS the scheme seen here is not the browser's. By the header, which no page can
  // set: the URL of a Next.js request has the server's own name for itself in it.
  const host = request.headers.get("Host") ?? new URL(request.url).host;
  return origin === null || !URL.canParse(origin) || new URL(origin).host !== host.toLowerCase();
}
