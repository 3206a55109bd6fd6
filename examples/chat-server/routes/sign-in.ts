import type { Context, Hono } from "hono";
import { z } from "zod";
import { type Access, wayOf } from "../access.js";
import { demoUsers } from "../demo-users.js";
import type { Env } from "../env.js";
import { type SignIns, userOf } from "../identity.js";
import { bodyOf } from "../input.js";
import { refuseOtherSites } from "../own-page.js";
import { noteFault, problemFor } from "../problems.js";
import type { Log } from "../log.js";

export interface SignInParts {
  readonly access: Access;
  readonly signIns: SignIns;
  readonly log: Log;
}

const names = demoUsers.map(({ id }) => id);
export const signInBody = z.strictObject({
  user: z.enum(names, `use one of ${names.join(", ")}`),
  cookie: z.boolean("use true or false").default(false),
});

/** Signs in demo users, who prove nothing. With a provider of identities, these two are gone. */
export function demoSignInRoutes(app: Hono<Env>, { access, signIns }: SignInParts): void {
  app.get("/users", access.anyone, (c) => c.json({ users: demoUsers }));

  app.post("/sign-in", access.anyone, async (c) => {
    refuseOtherSites(c.req.raw);
    const { user: id, cookie } = await bodyOf(c, signInBody);
    const user = demoUsers.find((one) => one.id === id) ?? { id, name: id };
    return c.json({ ...access.issueSignIn(c, await signIns.signIn(user), cookie ? "page" : "program"), user });
  });
}

export function signInRoutes(app: Hono<Env>, { access, signIns, log }: SignInParts): void {
  // A JWT is renewed for as long as its session is live: without the session's token it is worth less every minute.
  app.post("/sign-in/renew", access.inSessionLapsed, async (c) => {
    const identity = c.get("user");
    return c.json({ ...access.issueSignIn(c, await signIns.renew(identity)), user: userOf(identity) });
  });

  app.post("/sign-out", access.anyone, ownPage, async (c) => {
    const way = wayOf(c.req.raw);
    // Whoever may use a session may end it. Without a live one there is nothing to end.
    const denied = await access.inSessionLapsed(c, async () => {});
    if (denied instanceof Response && way === "program") return denied;
    let ended = true;
    try {
      await access.endOwn(c);
    } catch (error) {
      if (way === "program") throw error;
      noteFault(log, error, problemFor(error));
      // The browser forgets it all the same.
      ended = false;
    }
    const answer = c.json({ ended });
    if (way === "page") access.clear(answer.headers);
    return answer;
  });
}

/** Here the guard is no help against other sites: it is asked after the credentials, of which there may be none. */
async function ownPage(c: Context<Env>, next: () => Promise<void>): Promise<void> {
  if (wayOf(c.req.raw) === "page") refuseOtherSites(c.req.raw);
  await next();
}
