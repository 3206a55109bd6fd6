import type { ServerType } from "@hono/node-server";
import type { Redis } from "ioredis";
import type { SessionStore } from "langchain-redis-sessions";
import type { Log } from "./log.js";
import type { ServiceRedis } from "./redis.js";
import type { RunningTurns } from "./turns.js";

export interface Stoppable {
  readonly server: ServerType;
  readonly turns: RunningTurns;
  /** Ends the streams of events. */
  readonly closing: AbortController;
  readonly sessions: SessionStore;
  readonly clients: readonly Redis[];
  readonly redis: ServiceRedis;
  readonly log: Log;
  /** For how long the answers that are being given may go on. */
  readonly graceSeconds: number;
}

/**
 * Accepts nothing new, lets the answers that are being given come to their end, then closes everything. Sessions and
 * conversations stay. What does not come to its end in time is stopped, and stored as far as it came.
 */
export async function stopService(service: Stoppable): Promise<void> {
  const { server, turns, closing, sessions, clients, redis, log, graceSeconds } = service;
  log({ level: "info", event: "stopping", turns: turns.count });
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  closing.abort();
  if ("closeIdleConnections" in server) server.closeIdleConnections();

  if (!(await within(graceSeconds * 1_000, turns.idle()))) {
    log({ level: "warn", event: "stopping turns", turns: turns.count });
    turns.stopAll();
    await within(1_000, turns.idle());
  }
  // What a stopped turn had so far is on its way to Redis by now.
  await sessions.close();
  await Promise.all(clients.map(emptied));

  // Connections that were kept alive, or whose client does not read.
  if ("closeAllConnections" in server) setTimeout(() => server.closeAllConnections(), 500).unref();
  await closed;
  for (const client of clients) client.disconnect();
  await redis.stop();
  log({ level: "info", event: "stopped" });
}

/** Replies come in order, so that of the second round trip comes after all that was sent before, repetitions included. */
async function emptied(client: Redis): Promise<void> {
  try {
    for (let trip = 0; trip < 2; trip++) await client.ping();
  } catch {
    // Redis is away: there is nothing to wait for.
  }
}

/** Whether it came in time. */
async function within(milliseconds: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  const inTime = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}
