import path from "node:path";
import type { Context, Hono, MiddlewareHandler } from "hono";
import { accepts } from "hono/accepts";
import { etag } from "hono/etag";
import { secureHeaders } from "hono/secure-headers";
import type { Env } from "./env.js";
import { type Encoding, hashOf, type PageFile, PageFiles } from "./page-files.js";

const page = new PageFiles(path.join(import.meta.dirname, "public"));
const documentTag = `W/"${hashOf([page.document.content]).slice(0, 22)}"`;

/** The page. What is no file of it goes on, to be a 404. */
export function pageRoutes(app: Hono<Env>): void {
  // A conversation has an address; which one it is, the page reads there.
  for (const address of ["/", "/c/:conversationId{[\\w-]{22}}"]) {
    app.get(address, etag(), (c) => {
      c.header("ETag", documentTag);
      // Asked for again each time: a new version of the service has a new page.
      c.header("Cache-Control", "no-cache");
      return answer(c, page.document);
    });
  }
  app.get("/assets/:version/:file{.+}", async (c, next) => {
    const file = page.file(c.req.param("file"));
    if (file === undefined) return next();
    // While a new version is rolled out, a page of one process may ask another one. That has the file, in another version.
    const isOwn = c.req.param("version") === page.version;
    c.header("Cache-Control", isOwn ? "public, max-age=31536000, immutable" : "no-cache");
    return answer(c, file);
  });
}

async function answer(c: Context<Env>, file: PageFile): Promise<Response> {
  const encoding = encodingFor(c);
  const body = await file.in(encoding);
  c.header("Content-Type", file.type);
  c.header("Content-Length", String(body.length));
  c.header("Vary", "Accept-Encoding");
  if (encoding !== undefined) c.header("Content-Encoding", encoding);
  return c.body(body);
}

function encodingFor(c: Context<Env>): Encoding | undefined {
  const chosen = accepts(c, {
    header: "Accept-Encoding",
    supports: ["br", "gzip"],
    default: "identity",
    // The smaller one, wherever it stands in the list of the browser.
    match: (accepted, { supports, default: none }) =>
      supports.find((encoding) => accepted.some(({ type, q }) => type === encoding && q > 0)) ?? none,
  });
  return chosen === "br" || chosen === "gzip" ? chosen : undefined;
}

/**
 * For the page and, as it costs nothing, for everything else: no script, style or frame but our own.
 *
 * @param strictTransportSecurity the value of that header; absent, it is not sent.
 */
export function securityHeaders(strictTransportSecurity?: string): MiddlewareHandler {
  const full = secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'", ...page.inlineStyles],
      imgSrc: ["'self'", "data:"],
      connectSrc: ["'self'"],
      manifestSrc: ["'self'"],
      objectSrc: ["'none'"],
      formAction: ["'none'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
    permissionsPolicy: { camera: [], geolocation: [], microphone: [] },
    xFrameOptions: "DENY",
    // Only where TLS is in front: who said it would keep browsers away from a host that has none.
    strictTransportSecurity: strictTransportSecurity ?? false,
  });
  // The rest is about documents.
  const ofFiles = secureHeaders({
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    referrerPolicy: false,
    strictTransportSecurity: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xFrameOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
  return (c, next) => (c.req.path.startsWith("/assets/") ? ofFiles : full)(c, next);
}
