import type { MiddlewareHandler } from "hono";
import type { Config } from "./config.js";
import type { Env } from "./env.js";
import { ServiceError } from "./problems.js";

// Under which host names the service answers. A page of anybody's can have its own name resolve to 127.0.0.1 once it is
// loaded (DNS rebinding). To the browser the service is then of the same origin as that page, which may read all that it
// answers. The name in the `Host` header is still the page's: the service does not go by it.

const ofThisMachine: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** Whether only this machine can reach the service there. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d+){3}$/.test(host);
}

/**
 * Refuses requests for a host name that is neither of this machine, nor the one that the service listens on, nor one of
 * `PUBLIC_HOSTS`; with any port, for the port is no part of the attack. Beyond this machine any name is good as long as
 * `PUBLIC_HOSTS` is not set: which names lead there the service cannot know.
 */
export function knownHosts({
  HOST,
  PUBLIC_HOSTS,
  PUBLIC_URL,
}: Pick<Config, "HOST" | "PUBLIC_HOSTS" | "PUBLIC_URL">): MiddlewareHandler<Env> {
  const own = HOST.includes(":") ? `[${HOST}]` : HOST.toLowerCase();
  const known = new Set([...ofThisMachine, own, ...(PUBLIC_HOSTS ?? [])]);
  if (PUBLIC_URL !== undefined) known.add(PUBLIC_URL.hostname);
  const all = PUBLIC_HOSTS === undefined && !isLoopback(HOST);
  return async (c, next) => {
    // Made of the Host header, in its normal spelling.
    if (!all && !known.has(new URL(c.req.url).hostname)) throw new ServiceError("HOST_UNKNOWN");
    await next();
  };
}
