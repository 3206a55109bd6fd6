import type { Hono } from "hono";
import type { SessionStore } from "langchain-redis-sessions";
import { z } from "zod";
import type { Access } from "../access.js";
import type { Env } from "../env.js";
import { bodyOf, ifMatch, paramOf, withInput, writeOptions } from "../input.js";
import { ServiceError } from "../problems.js";

/** As many as a user may have: see `limits` in service.ts. */
const MAX_KEYS = 1_000;

export const memoryBody = z.strictObject({ value: z.custom((value) => value !== undefined, "use any JSON value") });

/** What the agent remembers of the user: the same that its tools read and write. */
export function memoryRoutes(app: Hono<Env>, { access, sessions }: { access: Access; sessions: SessionStore }): void {
  app.get("/memory", access.inSession, async (c) => {
    const keys: string[] = [];
    for await (const key of sessions.memory(c.get("session")).keys()) if (keys.push(key) === MAX_KEYS) break;
    return c.json({ keys });
  });

  app.get("/memory/:key", access.inSession, async (c) => {
    const found = await sessions.memory(c.get("session")).entry(paramOf(c, "key"));
    if (found === undefined) throw new ServiceError("MEMORY_NOT_FOUND");
    const { value, version } = found;
    return c.json({ value, version });
  });

  app.put("/memory/:key", access.inSession, async (c) => {
    const { value } = await bodyOf(c, memoryBody);
    const options = { ...writeOptions(c), ...ifMatch(c) };
    // There is JSON that cannot be stored: nested too deeply.
    return c.json(await withInput(sessions.memory(c.get("session")).set(paramOf(c, "key"), value, options)));
  });

  app.delete("/memory/:key", access.inSession, async (c) => {
    const there = await sessions.memory(c.get("session")).delete(paramOf(c, "key"), writeOptions(c));
    if (!there) throw new ServiceError("MEMORY_NOT_FOUND");
    return c.body(null, 204);
  });
}
