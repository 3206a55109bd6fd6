import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Redis } from "ioredis";
import type { SessionStore } from "langchain-redis-sessions";
import { accessControl } from "./access.js";
import type { Agent } from "./agent.js";
import type { Config } from "./config.js";
import type { Env } from "./env.js";
import { knownHosts } from "./hosts.js";
import type { IdentityProvider } from "./identity.js";
import { perMinute } from "./limits.js";
import { type Log, requestLog } from "./log.js";
import { pageRoutes, securityHeaders } from "./page.js";
import { noteFault, problemAnswer, problemFor, ServiceError } from "./problems.js";
import { chatRoutes } from "./routes/chat.js";
import { conversationRoutes } from "./routes/conversations.js";
import { eventRoutes } from "./routes/events.js";
import { healthRoutes } from "./routes/health.js";
import { memoryRoutes } from "./routes/memory.js";
import { sessionRoutes } from "./routes/sessions.js";
import { signInRoutes } from "./routes/sign-in.js";
import { OpenStreams } from "./streams.js";
import type { RunningTurns } from "./turns.js";

export interface AppParts {
  readonly config: Config;
  readonly sessions: SessionStore;
  /** That of the sessions: what /health asks. */
  readonly client: Redis;
  /** For the rate limiter alone. */
  readonly limitClient: Redis;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly identityProvider: IdentityProvider;
  readonly turns: RunningTurns;
  readonly closing: AbortSignal;
  readonly log: Log;
}

/** The whole service as one function of a request; it owns nothing of what it is given. */
export function createApp(parts: AppParts): Hono<Env> {
  const { config, sessions, client, limitClient, agents, identityProvider, turns, closing, log } = parts;
  const access = accessControl({
    sessions,
    identityProvider,
    limit: perMinute(limitClient, `${config.KEY_PREFIX}:requests`, config.REQUESTS_PER_MINUTE),
    trusted: config.TRUSTED_PROXIES,
    maxAuthenticationAge: config.MAX_AUTHENTICATION_AGE,
  });

  const app = new Hono<Env>();
  app.use(requestLog(log), securityHeaders(config.HSTS));
  app.use(async (c, next) => {
    await next();
    const { headers } = c.res;
    if (isStream(headers)) {
      // Or a proxy would hold it back: to compress it, or until there is more.
      headers.set("Cache-Control", "no-store, no-transform");
      headers.set("X-Accel-Buffering", "no");
    } else if (!headers.has("Cache-Control")) {
      // What is no file of the page is about a user.
      headers.set("Cache-Control", "no-store");
    }
    if (closing.aborted) headers.set("Connection", "close");
  });
  app.use(async (_c, next) => {
    // It came over a connection that was there before the server began to stop.
    if (closing.aborted) throw new ServiceError("SHUTTING_DOWN", { retryAfter: 5 });
    await next();
  });
  // Before the host is looked at: a load balancer asks by address, and there is nothing of a user in the answer.
  healthRoutes(app, { client });
  app.use(knownHosts(config));
  app.use(
    bodyLimit({
      maxSize: config.MAX_BODY_BYTES,
      onError: () => {
        throw new ServiceError("BODY_TOO_LARGE");
      },
    }),
  );

  signInRoutes(app, { access, identityProvider });
  sessionRoutes(app, { access, sessions, agentIds: [...agents.keys()], lifetimeSeconds: config.LIFETIME });
  eventRoutes(app, {
    access,
    sessions,
    streams: new OpenStreams(config.MAX_STREAMS_PER_USER),
    heartbeatSeconds: config.HEARTBEAT,
    closing,
  });
  chatRoutes(app, {
    access,
    sessions,
    agents,
    turns,
    limit: perMinute(limitClient, `${config.KEY_PREFIX}:turns`, config.TURNS_PER_MINUTE),
    log,
  });
  conversationRoutes(app, { access, sessions });
  memoryRoutes(app, { access, sessions });
  pageRoutes(app);

  app.notFound(() => problemAnswer(new ServiceError("NOT_FOUND").problem));
  app.onError((error) => {
    const problem = problemFor(error);
    noteFault(log, error, problem);
    return problemAnswer(problem);
  });
  return app;
}

function isStream(headers: Headers): boolean {
  return headers.get("Content-Type")?.startsWith("text/event-stream") === true;
}
