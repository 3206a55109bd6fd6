import type { Hono } from "hono";
import { z } from "zod";
import type { Access } from "../access.js";
import type { Env } from "../env.js";
import { type IdentityProvider, users } from "../identity.js";
import { bodyOf } from "../input.js";
import { refuseOtherSites } from "../own-page.js";

const names = users.map(({ id }) => id);
const signIn = z.strictObject({ user: z.enum(names, `use one of ${names.join(", ")}`) });

/** The demo identity provider's own; with a real one, these two go. */
export function signInRoutes(
  app: Hono<Env>,
  { access, identityProvider }: { access: Access; identityProvider: IdentityProvider },
): void {
  app.get("/users", access.anyone, (c) => c.json({ users }));

  app.post("/sign-in", access.anyone, async (c) => {
    refuseOtherSites(c.req.raw);
    const { user: id } = await bodyOf(c, signIn);
    return c.json({ jwt: await identityProvider.signIn(id), user: users.find((user) => user.id === id) });
  });
}
