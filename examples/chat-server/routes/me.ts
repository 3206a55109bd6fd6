import type { Hono } from "hono";
import { stream } from "hono/streaming";
import type { SessionStore } from "langchain-redis-sessions";
import { type Access, wayOf } from "../access.js";
import type { Env } from "../env.js";

/** All that is stored of the user: to take along, and to erase. */
export function userRoutes(app: Hono<Env>, { access, sessions }: { access: Access; sessions: SessionStore }): void {
  app.get("/me/export", access.inSession, access.recentlySignedIn, async (c) => {
    const records = sessions.exportUser(c.get("session"));
    // Whatever fails at once is answered as a problem. What fails later breaks the download off, and no line is half.
    let next = await records.next();
    c.header("Content-Type", "application/x-ndjson");
    c.header("Content-Disposition", 'attachment; filename="my-data.ndjson"');
    return stream(c, async (out) => {
      for (; !next.done && !out.aborted; next = await records.next()) {
        await out.write(`${JSON.stringify(next.value)}\n`);
      }
      await records.return();
    });
  });

  app.delete("/me", access.inSession, access.recentlySignedIn, async (c) => {
    const answer = c.json(await sessions.eraseUser(c.get("session")));
    if (wayOf(c.req.raw) === "page") access.clear(answer.headers);
    return answer;
  });
}
