import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Redis } from "ioredis";
import type { SessionStore } from "langchain-redis-sessions";
import { accessControl } from "./access.js";
import type { Agent } from "./agent.js";
import type { Changes } from "./changes.js";
import type { Config } from "./config.js";
import type { Env } from "./env.js";
import { knownHosts } from "./hosts.js";
import type { SignIns } from "./identity.js";
import { perMinute } from "./limits.js";
import { type Log, requestLog } from "./log.js";
import { pageRoutes, securityHeaders } from "./page.js";
import { openIdProvider } from "./oidc.js";
import { noteFault, problemAnswer, problemFor, ServiceError } from "./problems.js";
import { ProviderLogouts } from "./provider-logout.js";
import { answerRoutes } from "./routes/answers.js";
import { chatRoutes } from "./routes/chat.js";
import { conversationRoutes } from "./routes/conversations.js";
import { eventRoutes } from "./routes/events.js";
import { healthRoutes } from "./routes/health.js";
import { userRoutes } from "./routes/me.js";
import { memoryRoutes } from "./routes/memory.js";
import { openApiRoutes } from "./routes/openapi.js";
import { openIdRoutes } from "./routes/oidc.js";
import { sessionRoutes } from "./routes/sessions.js";
import { demoSignInRoutes, signInRoutes } from "./routes/sign-in.js";
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
  readonly signIns: SignIns;
  readonly turns: RunningTurns;
  readonly changes: Changes;
  readonly closing: AbortSignal;
  readonly log: Log;
}

/** The whole service as one function of a request; it owns nothing of what it is given. */
export function createApp(parts: AppParts): Hono<Env> {
  const { config, sessions, client, limitClient, agents, signIns, turns, changes, closing, log } = parts;
  const access = accessControl({
    sessions,
    signIns,
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

  const logouts = new ProviderLogouts({
    sessions,
    client,
    keyPrefix: config.KEY_PREFIX,
    lifetimeSeconds: config.LIFETIME,
  });
  const provider = openIdProvider(config);
  if (provider === undefined) demoSignInRoutes(app, { access, signIns, log });
  else openIdRoutes(app, { access, signIns, provider, logouts, log });
  signInRoutes(app, { access, signIns, log });
  sessionRoutes(app, { access, sessions, logouts, lifetimeSeconds: config.LIFETIME });
  eventRoutes(app, {
    access,
    sessions,
    streams: new OpenStreams(config.MAX_STREAMS_PER_USER),
    changes,
    heartbeatSeconds: config.HEARTBEAT,
    closing,
  });
  chatRoutes(app, {
    access,
    sessions,
    agents,
    turns,
    changes,
    waitFor: config.TURN_WAIT,
    limit: perMinute(limitClient, `${config.KEY_PREFIX}:turns`, config.TURNS_PER_MINUTE),
    log,
  });
  answerRoutes(app, { access, sessions, agents, changes, closing });
  conversationRoutes(app, { access, sessions, agents, changes, longestTurn: config.TURN_TIMEOUT });
  memoryRoutes(app, { access, sessions });
  userRoutes(app, { access, sessions });
  openApiRoutes(app);
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
