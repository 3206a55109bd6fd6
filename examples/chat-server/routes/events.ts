import { setMaxListeners } from "node:events";
import type { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { SessionNotFoundError, type SessionStore } from "langchain-redis-sessions";
import type { Access } from "../access.js";
import type { Changes } from "../changes.js";
import type { Env } from "../env.js";
import type { OpenStreams } from "../streams.js";
import { untilAborted } from "../until.js";

export interface EventParts {
  readonly access: Access;
  readonly sessions: SessionStore;
  readonly streams: OpenStreams;
  readonly changes: Changes;
  readonly heartbeatSeconds: number;
  /** The server closes: these streams would never end. */
  readonly closing: AbortSignal;
}

/** Tells the page what changes in the user's conversations, and when its session ends, wherever that happens. To open it renews the idle timeout; that it is open does not. */
export function eventRoutes(
  app: Hono<Env>,
  { access, sessions, streams, changes, heartbeatSeconds, closing }: EventParts,
): void {
  app.get("/session/events", access.inSession, (c) => {
    // Hono answers HEAD with what GET would; a stream that nobody reads would stay open for good.
    if (c.req.method === "HEAD") return c.body(null, 200, { "Content-Type": "text/event-stream" });
    const session = c.get("session");
    const ended = sessions.signal(session);
    const client = c.req.raw.signal;
    // One for each stream that is open; Node takes more than ten for a leak.
    setMaxListeners(0, ended, closing);
    const over = streams.begin(c.get("user"));
    return streamSSE(c, async (stream) => {
      // Something at once: some proxies and browsers hold a stream back until there is.
      await stream.write(": open\n\n");
      // A proxy that hears nothing takes the connection for dead; so does a client.
      const heartbeat = setInterval(() => void stream.write(": ping\n\n"), heartbeatSeconds * 1_000);
      const deaf = changes.listen(session, (conversationId) => {
        void stream.writeSSE({ event: "changed", data: JSON.stringify({ conversationId }) });
      });
      await untilAborted([ended, client, closing], (left) => {
        stream.onAbort(left);
        if (stream.aborted) left();
      });
      deaf();
      clearInterval(heartbeat);
      over();
      if (!ended.aborted) return;
      const reason = ended.reason instanceof SessionNotFoundError ? ended.reason.reason : undefined;
      await stream.writeSSE({ event: "ended", data: JSON.stringify({ reason: reason ?? "ended" }) });
    });
  });
}
