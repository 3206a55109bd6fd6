import path from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import type { Hono, MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Env } from "./env.js";

const folder = path.join(import.meta.dirname, "public");

/** The page: files without a build step. What is no file goes on, to be a 404. */
export function pageRoutes(app: Hono<Env>): void {
  app.get(
    "*",
    serveStatic<Env>({
      root: folder,
      // Asked for again each time: a new version of the service has a new page.
      onFound: (_path, c) => c.header("Cache-Control", "no-cache"),
    }),
  );
}

/**
 * For the page and, as it costs nothing, for everything else: no script, style or frame but our own.
 *
 * @param strictTransportSecurity the value of that header; absent, it is not sent.
 */
export function securityHeaders(strictTransportSecurity?: string): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
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
}
