import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { Env } from "./env.js";

// One line of JSON for each thing that happened. What is in a line is chosen here, name by name: never a header, a body,
// a query string or the text of an error, so that no token, no credentials and nothing that was said can get into it.

interface LogEntry {
  readonly level: "info" | "warn" | "error";
  readonly event: string;
  readonly [name: string]: unknown;
}

export type Log = (entry: LogEntry) => void;

/** To stderr: stdout is for whoever started the server. */
export function jsonLog(write: (line: string) => unknown = (line) => process.stderr.write(line)): Log {
  return (entry) => {
    write(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`);
  };
}

/** Each request, when its answer begins: of a stream, the end is noted by who streams. */
export function requestLog(log: Log): MiddlewareHandler<Env> {
  return async (c, next) => {
    const begun = performance.now();
    await next();
    const { status } = c.res;
    log({
      level: status >= 500 ? "error" : "info",
      event: "request",
      method: c.req.method,
      // The pattern, not the path: a path has keys of memories in it.
      route: routePath(c),
      status,
      ms: Math.round(performance.now() - begun),
      // Public ids: neither opens anything.
      session: c.get("session")?.id,
      user: c.get("session")?.userId ?? c.get("user")?.userId,
    });
  };
}
