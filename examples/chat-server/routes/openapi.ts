import type { Hono } from "hono";
import type { Env } from "../env.js";
import { openApiDocument } from "../openapi.js";

/** What the service can do, for programs and those who write them. There is nothing of a user in it. */
export function openApiRoutes(app: Hono<Env>): void {
  const document = openApiDocument();
  app.get("/openapi.json", (c) => c.json(document));
}
