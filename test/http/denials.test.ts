// Every way in which a request is refused, over every framework: the same status, code and headers, and no secret.
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { Redis } from "ioredis";
import {
  ConversationNotFoundError,
  QuotaExceededError,
  ReauthenticationRequiredError,
  ConversationBusyError,
  SessionLimitError,
  SessionNotFoundError,
  SessionStore,
  type SessionStoreOptions,
  StorageFullError,
  StoreUnavailableError,
  TurnNotStoredError,
} from "langchain-redis-sessions";
import { AuthenticationUnavailableError, sessionGuard } from "langchain-redis-sessions/http";
import { closingIn } from "../support/closing.js";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { drivers, type Sent, type Served } from "./support/drivers.js";
import { authenticate, bearer, sign } from "./support/jwt.js";

let client: Client;
beforeAll(() => {
  client = onOneRedis.connect();
});
afterAll(async () => {
  await client.quit();
});
const { closing, keep, through } = closingIn(afterEach);

const store = (options: Partial<SessionStoreOptions> = {}): SessionStore => new SessionStore({ client, ...options });

interface Case {
  readonly name: string;
  /** The request, and what differs from a guard for `support` with the header. */
  readonly given: (userId: string) => Promise<Sent & { readonly served?: Partial<Served> }>;
  readonly status: number;
  readonly code: string;
  readonly reason?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A session of the user, and the headers of a request that is let in. */
async function signedIn(userId: string, options: { orgId?: string; sessions?: SessionStore } = {}) {
  const { orgId, sessions = store() } = options;
  const { token, session } = await sessions.create({ userId, orgId, agentId: "support" });
  const authorization = await bearer({ sub: userId, ...(orgId === undefined ? {} : { org: orgId }) });
  return { token, session, headers: { ...authorization, "X-Session-Id": token }, authorization };
}
const recordKey = async (sessionId: string): Promise<string> => {
  const [key] = await (client as Redis).keys(`*:session:${sessionId}`);
  return key ?? expect.unreachable();
};
const unstored = new TurnNotStoredError({
  output: "internal detail",
  operationId: "internal detail",
  retry: expect.unreachable,
  cause: new Error("internal detail"),
});
const thrown = (status: number, error: Error, more: Pick<Case, "headers" | "reason"> = {}): Case => ({
  name: `a handler that throws ${error.name === "Error" ? (error as Error & { code: string }).code : error.name}`,
  given: async (userId) => ({
    ...(await signedIn(userId)),
    served: {
      handler: () => {
        throw error;
      },
    },
  }),
  status,
  code: (error as Error & { code: string }).code,
  ...more,
});

/** What RFC 9470 has a client told. */
const insufficient = (maxAge: number): Readonly<Record<string, string>> => ({
  "WWW-Authenticate": `Bearer error="insufficient_user_authentication", error_description="A more recent authentication is required", max_age="${maxAge}"`,
});

const now = Math.floor(Date.now() / 1_000);
const cases: readonly Case[] = [
  {
    name: "no credentials",
    given: async (userId) => ({ headers: { "X-Session-Id": (await signedIn(userId)).token } }),
    status: 401,
    code: "UNAUTHENTICATED",
    headers: { "WWW-Authenticate": "Bearer" },
  },
  {
    name: "bad credentials",
    given: async (userId) => {
      const { token } = await signedIn(userId);
      const forged = await sign({ sub: userId }, { key: Buffer.alloc(32) });
      return { headers: { Authorization: `Bearer ${forged}`, "X-Session-Id": token } };
    },
    status: 401,
    code: "UNAUTHENTICATED",
    headers: { "WWW-Authenticate": "Bearer" },
  },
  {
    name: "an authenticator that returns nothing",
    given: async (userId) => ({ ...(await signedIn(userId)), served: { authenticate: () => undefined } }),
    status: 401,
    code: "UNAUTHENTICATED",
  },
  {
    name: "two Authorization headers",
    given: async (userId) => {
      const { headers } = await signedIn(userId);
      return { headers: { ...headers, Authorization: [headers.Authorization, headers.Authorization] } };
    },
    status: 401,
    code: "UNAUTHENTICATED",
  },
  {
    name: "no credentials, with Redis away: it is not asked",
    given: async (userId) => ({
      headers: { "X-Session-Id": (await signedIn(userId)).token },
      served: { sessions: await withoutRedis() },
    }),
    status: 401,
    code: "UNAUTHENTICATED",
  },
  {
    name: "an authenticator that throws what jsonwebtoken throws",
    given: async (userId) => ({
      ...(await signedIn(userId)),
      served: { authenticate: () => Promise.reject(Object.assign(new Error("jwt"), { name: "TokenExpiredError" })) },
    }),
    status: 401,
    code: "UNAUTHENTICATED",
  },
  {
    name: "an identity provider that is away",
    given: async (userId) => ({
      ...(await signedIn(userId)),
      served: { authenticate: () => Promise.reject(new AuthenticationUnavailableError("internal detail")) },
    }),
    status: 503,
    code: "AUTHENTICATION_UNAVAILABLE",
  },
  {
    name: "no session token",
    given: async (userId) => ({ headers: (await signedIn(userId)).authorization }),
    status: 440,
    code: "SESSION_TOKEN_MISSING",
  },
  {
    name: "a session token in the query string",
    given: async (userId) => {
      const { token, authorization } = await signedIn(userId);
      return { path: `/?X-Session-Id=${token}&x-session-id=${token}&token=${token}`, headers: authorization };
    },
    status: 440,
    code: "SESSION_TOKEN_MISSING",
  },
  {
    name: "a cookie where a header is expected",
    given: async (userId) => {
      const { token, authorization } = await signedIn(userId);
      return { headers: { ...authorization, Cookie: `__Host-session=${token}; X-Session-Id=${token}` } };
    },
    status: 440,
    code: "SESSION_TOKEN_MISSING",
  },
  {
    name: "a header where a cookie is expected",
    given: async (userId) => ({ ...(await signedIn(userId)), served: { transport: "cookie" } }),
    status: 440,
    code: "SESSION_TOKEN_MISSING",
  },
  {
    name: "two session headers",
    given: async (userId) => {
      const { token, headers } = await signedIn(userId);
      return { headers: { ...headers, "X-Session-Id": [token, token] } };
    },
    status: 400,
    code: "SESSION_TOKEN_DUPLICATED",
  },
  {
    name: "two tokens in one header",
    given: async (userId) => {
      const { token, headers } = await signedIn(userId);
      return { headers: { ...headers, "X-Session-Id": `${token},${token}` } };
    },
    status: 400,
    code: "SESSION_TOKEN_DUPLICATED",
  },
  {
    name: "two session cookies",
    given: async (userId) => {
      const { token, authorization } = await signedIn(userId);
      const Cookie = `a=1; __Host-session=${token}; b=2; __Host-session=${token}`;
      return { headers: { ...authorization, Cookie }, served: { transport: "cookie" } };
    },
    status: 400,
    code: "SESSION_TOKEN_DUPLICATED",
  },
  {
    name: "session cookies in two headers",
    given: async (userId) => {
      const { token, authorization } = await signedIn(userId);
      const Cookie = [`a=1; __Host-session=${token}`, `__Host-session=${token}`];
      return { headers: { ...authorization, Cookie }, served: { transport: "cookie" } };
    },
    status: 400,
    code: "SESSION_TOKEN_DUPLICATED",
  },
  ...["x", "lrs_", `lrs_${"A".repeat(87)}`, "A".repeat(8_000)].map((token): Case => ({
    name: `a made-up token of ${token.length} characters, with Redis away`,
    given: async (userId) => {
      const headers = { ...(await bearer({ sub: userId })), "X-Session-Id": token };
      return { headers, served: { sessions: await withoutRedis() } };
    },
    status: 440,
    code: "INVALID_TOKEN",
  })),
  {
    name: "an unknown session",
    given: async (userId) => signedIn(userId, { sessions: store({ keyPrefix: "elsewhere" }) }),
    status: 440,
    code: "SESSION_NOT_FOUND",
  },
  {
    name: "a session that was ended",
    given: async (userId) => {
      const user = await signedIn(userId);
      await store().end(user.token);
      return user;
    },
    status: 440,
    code: "SESSION_NOT_FOUND",
    reason: "ended",
  },
  {
    name: "a session that the limit pushed out",
    given: async (userId) => {
      const sessions = store({ maxSessionsPerUser: 1 });
      const user = await signedIn(userId, { sessions });
      await sessions.create({ userId, agentId: "support" });
      return user;
    },
    status: 440,
    code: "SESSION_NOT_FOUND",
    reason: "evicted",
  },
  {
    name: "a session that has expired",
    given: async (userId) => {
      const user = await signedIn(userId);
      await client.hincrby(await recordKey(user.session.id), "activeAt", -5 * 3_600_000);
      return user;
    },
    status: 440,
    code: "SESSION_NOT_FOUND",
    reason: "expired",
  },
  {
    name: "a token that was rotated",
    given: async (userId) => {
      const user = await signedIn(userId);
      await store().rotate(user.token);
      return user;
    },
    status: 440,
    code: "SESSION_NOT_FOUND",
    reason: "rotated",
  },
  {
    name: "a session of another user",
    given: async (userId) => ({
      headers: { ...(await signedIn(freshId())).headers, ...(await bearer({ sub: userId })) },
    }),
    status: 403,
    code: "SESSION_MISMATCH",
  },
  {
    name: "an ended session of another user: no reason is told",
    given: async (userId) => {
      const other = await signedIn(freshId());
      await store().end(other.token);
      return { headers: { ...other.headers, ...(await bearer({ sub: userId })) } };
    },
    status: 403,
    code: "SESSION_MISMATCH",
  },
  {
    name: "a session of an organisation, for a user without one",
    given: async (userId) => ({
      headers: { ...(await signedIn(userId, { orgId: "acme" })).headers, ...(await bearer({ sub: userId })) },
    }),
    status: 403,
    code: "SESSION_MISMATCH",
  },
  {
    name: "a session without an organisation, for a user of one",
    given: async (userId) => ({
      headers: { ...(await signedIn(userId)).headers, ...(await bearer({ sub: userId, org: "acme" })) },
    }),
    status: 403,
    code: "SESSION_MISMATCH",
  },
  ...["sales", "", "A".repeat(2_000), "\uD800"].map((agentId): Case => ({
    name: `another agent (${JSON.stringify(agentId.slice(0, 9))})`,
    given: async (userId) => ({ ...(await signedIn(userId)), served: { agentId } }),
    status: 403,
    code: "SESSION_MISMATCH",
  })),
  {
    name: "another address, where binding is strict",
    given: async (userId) => {
      const sessions = store({ addressBinding: "strict" });
      const { token } = await sessions.create({ userId, agentId: "support", ipAddress: "192.0.2.7" });
      return { headers: { ...(await bearer({ sub: userId })), "X-Session-Id": token }, served: { sessions } };
    },
    status: 403,
    code: "SESSION_MISMATCH",
  },
  {
    name: "Redis away",
    given: async (userId) => ({ ...(await signedIn(userId)), served: { sessions: await withoutRedis() } }),
    status: 503,
    code: "STORE_UNAVAILABLE",
  },
  ...(
    [
      ["of before all sessions were ended", { auth_time: now - 60 }],
      ["that was renewed since all sessions were ended", { auth_time: now - 60, iat: now + 60 }],
      ["of before, by when its token was issued", { iat: now - 60 }],
      ["whose time is not told", {}],
      ["whose time is none, with a token that was issued later", { auth_time: "now", iat: now + 60 }],
    ] as const
  ).map(([what, times]): Case => ({
    name: `a sign-in ${what}`,
    given: async (userId) => {
      await store().endAll({ userId });
      // The program did not say when the user signed in.
      const { token } = await store().create({ userId, agentId: "support" });
      return { headers: { ...(await bearer({ sub: userId, ...times })), "X-Session-Id": token } };
    },
    status: 401,
    code: "REAUTHENTICATION_REQUIRED",
    headers: insufficient(0),
  })),
  ...(
    [
      ["too long ago", { auth_time: now - 600 }],
      ["too long ago, with a token that was renewed", { auth_time: now - 600, iat: now }],
      ["that does not tell its time", {}],
    ] as const
  ).map(([what, times]): Case => ({
    name: `a sign-in ${what} where it has to be recent, with Redis away`,
    given: async (userId) => {
      const headers = { ...(await signedIn(userId)).headers, ...(await bearer({ sub: userId, ...times })) };
      return { headers, served: { maxAuthenticationAge: "5m", sessions: await withoutRedis() } };
    },
    status: 401,
    code: "REAUTHENTICATION_REQUIRED",
    headers: insufficient(300),
  })),
  thrown(401, new ReauthenticationRequiredError(), { headers: insufficient(0) }),
  {
    name: "a cookie that another site sent along",
    given: async (userId) => {
      const { token, authorization } = await signedIn(userId);
      const headers = { ...authorization, Cookie: `__Host-session=${token}`, "Sec-Fetch-Site": "cross-site" };
      return { method: "POST", headers, served: { transport: "cookie" } };
    },
    status: 403,
    code: "CROSS_SITE_REQUEST",
  },
  thrown(409, new ConversationBusyError("taken")),
  thrown(429, new SessionLimitError(5), { headers: { "Retry-After": "60" } }),
  thrown(429, new QuotaExceededError({ quota: "writesPerDay", usage: 1, limit: 1, retryAfter: 12.3 }), {
    headers: { "Retry-After": "13" },
  }),
  thrown(503, new StoreUnavailableError("internal detail", { indeterminate: true, operationId: "internal detail" })),
  thrown(503, new StorageFullError()),
  thrown(503, unstored),
  thrown(440, new SessionNotFoundError("ended"), { reason: "ended" }),
  thrown(404, new ConversationNotFoundError()),
];

async function withoutRedis(): Promise<SessionStore> {
  const proxy = await through(inject("servers").single);
  const away = keep(new Redis(proxy.url));
  proxy.blackhole();
  return store({ client: away, deadline: 0.2 });
}

describe.each(drivers)("on $name", ({ start }) => {
  const serve = async (served: Partial<Served> = {}) => {
    const program = await start({ sessions: store(), authenticate, agentId: "support", ...served });
    closing.push(program.close);
    return program;
  };

  test.each(cases)("$name: $status", async ({ given, status, code, reason, headers = {} }) => {
    const userId = freshId();
    const { served, ...sent } = await given(userId);
    const response = await (await serve(served)).send(sent);
    const text = await response.text();
    expect(response.status, text).toBe(status);
    const body = JSON.parse(text) as Record<string, unknown>;
    expect(body).toMatchObject({ type: "about:blank", title: expect.stringMatching(/\w/), status, code });
    expect(body["reason"]).toBe(reason);
    expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    const { "Retry-After": retryAfter = null, "WWW-Authenticate": challenge } = headers;
    expect(response.headers.get("Retry-After")).toBe(retryAfter);
    expect(response.headers.get("WWW-Authenticate")).toBe(challenge ?? (status === 401 ? "Bearer" : null));
    // Nothing that was sent comes back, nor anything from inside.
    const shown = `${text} ${[...response.headers].join(" ")}`;
    const secrets = Object.values(sent.headers ?? {})
      .flat()
      .flatMap((value) => value.split(/[ ;,=]+/))
      .filter((value) => value.length > 20);
    for (const secret of [...secrets, userId, "internal detail"]) expect(shown).not.toContain(secret);
  });

  test("who is who they say, with a session of theirs, is let in", async () => {
    const userId = freshId();
    const user = await signedIn(userId, { orgId: "acme" });
    const response = await (await serve()).send({ method: "POST", headers: user.headers });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ session: user.session.id, user: userId });
    const Cookie = `theme=dark; __Host-session=${user.token}`;
    const program = await serve({ transport: "cookie" });
    for (const sent of [Cookie, ["theme=dark", `__Host-session=${user.token}`]]) {
      expect((await program.send({ headers: { ...user.authorization, Cookie: sent } })).status).toBe(200);
    }
  });

  test("who signed in recently, and since all sessions were ended, is let in, and so is who was spared", async () => {
    const userId = freshId();
    const spared = await signedIn(userId);
    await store().endAll({ userId }, { except: spared.session });
    const { token } = await store().create({ userId, agentId: "support" });
    const program = await serve({ maxAuthenticationAge: "5m" });
    const anew = await bearer({ sub: userId, auth_time: Math.floor(Date.now() / 1_000) + 2 });
    expect((await program.send({ headers: { ...anew, "X-Session-Id": token } })).status).toBe(200);
    const before = await bearer({ sub: userId, auth_time: now - 60 });
    expect((await program.send({ headers: { ...before, "X-Session-Id": spared.token } })).status).toBe(200);
  });

  test("an authenticator that does not say when the user signed in is not asked to, unless it has to be recent", async () => {
    const userId = freshId();
    await store().endAll({ userId });
    const { headers } = await signedIn(userId);
    const own = { authenticate: () => ({ userId }) };
    expect((await (await serve(own)).send({ headers })).status).toBe(200);
    const recent = await serve({ ...own, maxAuthenticationAge: "5m" });
    expect((await recent.send({ headers })).status).toBe(401);
  });

  test("a rotated session goes on with its new token", async () => {
    const { token, headers } = await signedIn(freshId());
    const rotated = await store().rotate(token);
    const program = await serve();
    expect((await program.send({ headers: { ...headers, "X-Session-Id": rotated.token } })).status).toBe(200);
  });

  test("nobody is let in by an authenticator that crashes or forgets the user", async () => {
    const { headers } = await signedIn(freshId());
    for (const broken of [
      () => {
        throw new TypeError("internal detail");
      },
      () => ({}) as never,
      () => ({ userId: "" }),
      () => ({ userId: undefined }) as never,
    ]) {
      const response = await (await serve({ authenticate: broken })).send({ headers });
      expect(response.status).toBe(500);
      expect(await response.text()).toBe("crashed");
    }
  });

  test("onDenied can answer everything alike, and is told what it was", async () => {
    const seen: unknown[] = [];
    const program = await serve({
      onDenied: ({ problem, error }) => {
        seen.push([problem.code, (error as Error | undefined)?.name]);
        return new Response("no", {
          status: 401,
          headers: { "WWW-Authenticate": "Bearer", "Cache-Control": "public" },
        });
      },
    });
    const { headers, token } = await signedIn(freshId());
    await store().end(token);
    for (const sent of [{}, { headers }]) {
      const response = await program.send(sent);
      expect([response.status, await response.text(), response.headers.get("Cache-Control")]).toEqual([
        401,
        "no",
        "no-store",
      ]);
    }
    expect(seen).toEqual([
      ["UNAUTHENTICATED", undefined],
      ["SESSION_NOT_FOUND", "SessionNotFoundError"],
    ]);
  });

  test("onDenied that returns nothing changes nothing, and one that fails lets nobody in", async () => {
    const quiet = await serve({ onDenied: () => undefined });
    expect((await quiet.send({})).status).toBe(401);
    const failing = await serve({ onDenied: () => Promise.reject(new Error("internal detail")) });
    expect((await failing.send({})).status).toBe(500);
  });
});

describe("what an authenticator returns", () => {
  test.each([false, "", 0, null, undefined])("%j is nobody", async (nobody) => {
    const guard = sessionGuard({ sessions: store(), authenticate: () => nobody as never, transport: "header" });
    const { denied } = await guard.authenticate(new Request("http://localhost/"));
    expect(denied?.status).toBe(401);
  });

  test.each([{}, { userId: "" }, { userId: 5 }, { userId: "ada", orgId: "" }, true])(
    "%j is a mistake of the program: nobody is let in",
    async (identity) => {
      const guard = sessionGuard({ sessions: store(), authenticate: () => identity as never, transport: "header" });
      await expect(guard.authenticate(new Request("http://localhost/"))).rejects.toMatchObject({
        code: "INVALID_OPTION",
        option: "authenticate",
      });
    },
  );
});
