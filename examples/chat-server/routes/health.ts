import type { Hono } from "hono";
import type { Redis } from "ioredis";
import type { Env } from "../env.js";
import { ServiceError } from "../problems.js";

/** Less than a load balancer waits. */
const MAX_WAIT_MILLISECONDS = 2_000;

export function healthRoutes(app: Hono<Env>, { client }: { client: Pick<Redis, "ping"> }): void {
  app.get("/health", async (c) => {
    const begun = performance.now();
    await within(MAX_WAIT_MILLISECONDS, client.ping());
    return c.json({ redis: "ok", milliseconds: Math.round((performance.now() - begun) * 10) / 10 });
  });
}

async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ServiceError("STORE_UNAVAILABLE")), milliseconds);
  });
  try {
    await Promise.race([work.catch(() => Promise.reject(new ServiceError("STORE_UNAVAILABLE"))), late]);
  } finally {
    clearTimeout(timer);
  }
}
