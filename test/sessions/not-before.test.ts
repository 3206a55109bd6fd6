// Once all sessions of an owner were ended, a sign-in from before opens none again, whoever has copied its tokens.
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ReauthenticationRequiredError, SessionStore, type SessionStoreOptions } from "langchain-redis-sessions";
import { ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { type Client, topologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";

describe.each(topologies)("the not-before mark, on $name", ({ connect }) => {
  const keyPrefix = `test-${freshId()}`;
  let client: Client;
  let sessions: SessionStore;
  beforeAll(() => {
    client = connect();
    sessions = store();
  });
  afterAll(async () => {
    await client.quit();
  });

  const store = (options: Partial<SessionStoreOptions> = {}): SessionStore =>
    new SessionStore({ client, keyPrefix, ...options });
  const newUser = () => ({ userId: freshId(), agentId: "support" });
  const markOf = (user: { userId: string; orgId?: string }): string =>
    ownerKeys(keyPrefix, ownerTag(user.userId, user.orgId)).notBefore;
  /** When the mark was set, by the server that set it. */
  const markedAt = async (user: { userId: string }): Promise<number> =>
    Number((await client.get(markOf(user)))?.split(" ")[0]);
  const second = (milliseconds: number, more = 0): Date => new Date((Math.floor(milliseconds / 1_000) + more) * 1_000);

  test.each<[how: string, end: (user: { userId: string }) => Promise<unknown>]>([
    ["endAll()", (user) => sessions.endAll(user)],
    ["endAll() that repeats", async (user) => [await sessions.endAll(user), await sessions.endAll(user)]],
    ["eraseUser()", (user) => sessions.eraseUser(user)],
  ])("after %s a sign-in has to be of a later second, to open a session and to use one", async (_how, end) => {
    const user = newUser();
    const before = new Date();
    await sessions.create({ ...user, authenticatedAt: before });
    await sessions.create({ ...user, authenticatedAt: undefined });
    await end(user);
    const at = await markedAt(user);
    expect(Math.abs(at - Date.now())).toBeLessThan(30_000);
    // The caller who leaves it out has looked just now.
    const { token } = await sessions.create(user);
    for (const authenticatedAt of [new Date(0), before, second(at, -1), second(at), new Date(at), undefined]) {
      await expect(sessions.create({ ...user, authenticatedAt })).rejects.toThrow(ReauthenticationRequiredError);
      await expect(sessions.verify(token, { authenticatedAt })).rejects.toMatchObject({
        code: "REAUTHENTICATION_REQUIRED",
      });
    }
    await sessions.verify(token, { authenticatedAt: second(at, 1) });
    await sessions.verify(token);
    const later = await sessions.create({ ...user, authenticatedAt: second(at, 1) });
    expect((await sessions.list(user)).map(({ id }) => id)).toContain(later.session.id);
  });

  test("a sign-in that is refused renews nothing, and reads nothing of another owner", async () => {
    const user = newUser();
    await sessions.endAll(user);
    const { token, session } = await sessions.create(user);
    const record = ownerKeys(keyPrefix, ownerTag(user.userId, undefined)).session(session.id);
    const old = { authenticatedAt: new Date(0) };
    const stored = await client.hgetall(record);
    await expect(sessions.verify(token, old)).rejects.toThrow(ReauthenticationRequiredError);
    expect(await client.hgetall(record)).toEqual(stored);
    await expect(sessions.verify(token, { ...old, userId: "other" })).rejects.toMatchObject({
      code: "SESSION_MISMATCH",
    });
    await sessions.end(token);
    await expect(sessions.verify(token, old)).rejects.toMatchObject({ reason: "ended" });
  });

  test("the spared session goes on with its sign-in, which opens no other one", async () => {
    const user = newUser();
    const authenticatedAt = new Date(Date.now() - 60_000);
    const { token, session } = await sessions.create({ ...user, authenticatedAt });
    const other = await sessions.create({ ...user, authenticatedAt });
    expect(await sessions.endAll(user, { except: session })).toBe(1);
    expect(await sessions.verify(token, { authenticatedAt })).toMatchObject({ id: session.id });
    const rotated = await sessions.rotate(token);
    expect(await sessions.verify(rotated.token, { authenticatedAt })).toMatchObject({ id: session.id });
    await expect(sessions.create({ ...user, authenticatedAt })).rejects.toThrow(ReauthenticationRequiredError);
    await expect(sessions.verify(other.token, { authenticatedAt })).rejects.toMatchObject({ reason: "ended" });
    // The next one spares it no more.
    await sessions.endAll(user);
    await expect(sessions.verify(rotated.token, { authenticatedAt })).rejects.toMatchObject({ reason: "ended" });
  });

  test("the same user in another organisation is another owner", async () => {
    const user = newUser();
    const authenticatedAt = new Date(0);
    const elsewhere = await sessions.create({ ...user, orgId: "acme", authenticatedAt });
    await sessions.endAll(user);
    await sessions.verify(elsewhere.token, { authenticatedAt });
    await sessions.create({ ...user, orgId: "acme", authenticatedAt });
    await expect(sessions.create({ ...user, authenticatedAt })).rejects.toThrow(ReauthenticationRequiredError);
  });

  test("ending one session, by its token, its id or the limit, leaves no mark", async () => {
    const user = newUser();
    const one = store({ maxSessionsPerUser: 1 });
    await one.create(user);
    const { token } = await one.create(user);
    await one.end(token);
    const { session } = await one.create(user);
    await one.endById(user, session.id);
    expect(await client.exists(markOf(user))).toBe(0);
  });

  test("it holds a time, lives for maxTokenLifetime, and is neither shortened nor moved back", async () => {
    const user = newUser();
    const daily = 86_400_000;
    await sessions.create(user);
    await sessions.eraseUser(user);
    expect(await client.get(markOf(user))).toMatch(/^\d{13} $/);
    expect(await client.pttl(markOf(user))).toBeGreaterThan(daily - 60_000);
    expect(await client.pttl(markOf(user))).toBeLessThanOrEqual(daily);
    await store({ maxTokenLifetime: "30d" }).endAll(user);
    expect(await client.pttl(markOf(user))).toBeGreaterThan(30 * daily - 60_000);
    // Another server's clock was ahead.
    const ahead = (await markedAt(user)) + 60_000;
    await client.set(markOf(user), `${ahead} `, "KEEPTTL");
    await sessions.endAll(user, { operationId: "once" });
    expect(await markedAt(user)).toBe(ahead);
    expect(await client.pttl(markOf(user))).toBeGreaterThan(30 * daily - 60_000);
  });

  test("a repetition of endAll with its operation id moves nothing", async () => {
    const user = newUser();
    const options = { operationId: freshId() };
    await sessions.endAll(user, options);
    const at = await markedAt(user);
    await expect.poll(() => Date.now()).toBeGreaterThan(at + 10);
    await sessions.endAll(user, options);
    expect(await markedAt(user)).toBe(at);
  });

  test("create() that is repeated with renewed credentials of the same sign-in is the same operation", async () => {
    const user = newUser();
    const options = { operationId: freshId() };
    const first = await sessions.create({ ...user, authenticatedAt: new Date(1_000) }, options);
    const again = await sessions.create({ ...user, authenticatedAt: new Date(2_000) }, options);
    expect(again.session.id).toBe(first.session.id);
  });
});

test.each([5, "now", Number.NaN, new Date(Number.NaN)])(
  "%s for authenticatedAt is refused with advice",
  async (value) => {
    const sessions = new SessionStore({ client: new Redis({ lazyConnect: true }) });
    const authenticatedAt = value as Date;
    await expect(sessions.create({ userId: "a", agentId: "b", authenticatedAt })).rejects.toThrow(
      "authenticatedAt: use a date",
    );
  },
);
