import type { Context, Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { z } from "zod";
import type { Access } from "../access.js";
import type { Env } from "../env.js";
import type { SignIns } from "../identity.js";
import { queryOf } from "../input.js";
import type { Log } from "../log.js";
import { type OpenIdProvider, packRequest, unpackRequest } from "../oidc.js";
import { noteFault, problemFor, ServiceError } from "../problems.js";
import type { ProviderLogouts } from "../provider-logout.js";
import { asBearer } from "../sign-in-cookie.js";

export interface OpenIdParts {
  readonly access: Access;
  readonly signIns: SignIns;
  readonly provider: OpenIdProvider;
  readonly logouts: ProviderLogouts;
  readonly log: Log;
}

const REQUEST = "sign-in-request";
// Lax, because the browser comes back from another site. Nobody takes longer than that to sign in.
const requestCookie = {
  prefix: "host",
  httpOnly: true,
  secure: true,
  sameSite: "Lax",
  path: "/",
  maxAge: 600,
} as const;

const start = z.object({
  again: z.string().optional(),
  // A path of the page, and of this page only: anything else would send users to where somebody else wants them.
  to: z
    .string()
    .regex(/^\/(?:c\/[\w-]{1,64})?$/)
    .catch("/"),
});

export function openIdRoutes(app: Hono<Env>, { access, signIns, provider, logouts, log }: OpenIdParts): void {
  const failed = (c: Context<Env>, to: string, error: unknown): Response => {
    noteFault(log, error, problemFor(error));
    return c.redirect(`${to}?sign-in=failed`, 303);
  };

  app.get("/sign-in/start", access.anyone, async (c) => {
    const { to, again } = queryOf(c, start);
    try {
      const before = again === undefined ? null : await signIns.authenticateLapsed(asBearer(c.req.raw));
      const { address, request } = await provider.begin({ to, ...(before === null ? {} : { again: before.userId }) });
      setCookie(c, REQUEST, packRequest(request), requestCookie);
      return c.redirect(address.href, 303);
    } catch (error) {
      return failed(c, to, error);
    }
  });

  app.get("/sign-in/callback", access.anyone, async (c) => {
    const request = unpackRequest(getCookie(c, REQUEST, "host") ?? "");
    deleteCookie(c, REQUEST, requestCookie);
    if (request === undefined) return c.redirect("/?sign-in=failed", 303);
    try {
      const { user, ...details } = await provider.finish(new URL(c.req.url).search, request);
      // The session that this browser has goes on if its own user signed in again.
      if (request.again !== user.id) access.clearSession(c);
      access.issueSignIn(c, await signIns.signIn(user, details), "page");
      return c.redirect(request.to, 303);
    } catch (error) {
      return failed(c, request.to, error);
    }
  });

  // The provider's own request, which proves itself by its signature.
  app.post("/sign-in/logout-token", access.anyone, async (c) => {
    const { logout_token: token } = await c.req.parseBody();
    if (typeof token !== "string") throw new ServiceError("LOGOUT_TOKEN_INVALID");
    await logouts.end(await provider.logout(token));
    return c.body(null, 200);
  });
}
