// Deadlines are the server's: what a client's clock says changes nothing.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { SessionStore, type SessionStoreOptions } from "langchain-redis-sessions";
import { ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { age } from "./support/stored-keys.js";

const HOUR = 3_600_000;
const IDLE = 10 * 60_000;
const LIFETIME = 2 * 24 * HOUR;
const cases = [onOneRedis, topologies[1] ?? onOneRedis].flatMap(({ name, connect }) => [
  { name, connect, clock: "an hour ahead", offset: HOUR },
  { name, connect, clock: "an hour behind", offset: -HOUR },
]);

describe.each(cases)("with the client's clock $clock, on $name", ({ connect, offset }) => {
  let client: Client;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await client.quit();
  });
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + offset });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const store = (options: Partial<SessionStoreOptions> = {}): SessionStore =>
    new SessionStore({ client, idleTimeout: IDLE / 1_000, lifetime: LIFETIME / 1_000, ...options });
  const recordOf = (userId: string, id: string): string => ownerKeys("chat", ownerTag(userId, undefined)).session(id);
  const init = () => ({ userId: freshId(), agentId: "support" });
  const expired = { code: "SESSION_NOT_FOUND", reason: "expired" };

  test("a session is open a second before its idle deadline, and expired a second after", async () => {
    const sessions = store();
    const user = init();
    const { token, session } = await sessions.create(user);
    // The times of a session are the server's, an hour from what this clock says.
    expect(session.startedAt.getTime() - (Date.now() - offset)).toBeLessThan(60_000);
    expect(session.startedAt.getTime() - (Date.now() - offset)).toBeGreaterThan(-60_000);

    await age(client, recordOf(user.userId, session.id), IDLE - 1_000);
    await sessions.history(session).getMessages();
    expect(await sessions.list(user)).toHaveLength(1);
    const { lastActivityAt, expiresAt } = await sessions.verify(token);
    expect(expiresAt.getTime() - lastActivityAt.getTime()).toBe(IDLE);

    await age(client, recordOf(user.userId, session.id), IDLE + 1_000);
    await expect(sessions.verify(token)).rejects.toMatchObject(expired);
    await expect(sessions.history(session).getMessages()).rejects.toMatchObject(expired);
    await expect(sessions.update(session, { metadata: {} })).rejects.toMatchObject(expired);
    expect(await sessions.list(user)).toEqual([]);
  });

  test("an active session is open a second before the end of its lifetime, and expired a second after", async () => {
    const sessions = store({ idleTimeout: LIFETIME / 1_000 });
    const user = init();
    const { token, session } = await sessions.create(user);
    await age(client, recordOf(user.userId, session.id), LIFETIME - 1_000);
    const { lastActivityAt, expiresAt } = await sessions.verify(token);
    // Active just now, and still with no more than the second that is left of its lifetime.
    expect(expiresAt.getTime() - lastActivityAt.getTime()).toBeLessThanOrEqual(1_000);
    await sessions.history(session).getMessages();

    await age(client, recordOf(user.userId, session.id), 2_000);
    await expect(sessions.verify(token)).rejects.toMatchObject(expired);
    await expect(sessions.history(session).getMessages()).rejects.toMatchObject(expired);
    expect(await sessions.list(user)).toEqual([]);
  });

  test("a signal fires at the deadline, neither early nor late", async () => {
    const sessions = store();
    const user = init();
    const { session } = await sessions.create(user);
    const record = recordOf(user.userId, session.id);
    await age(client, record, IDLE - 1_500);
    const began = performance.now();
    const [seconds = 0, microseconds = 0] = await client.time();
    const now = seconds * 1_000 + microseconds / 1_000;
    const [activeAt, idle] = await client.hmget(record, "activeAt", "idle");
    const left = Number(activeAt) + Number(idle) - now;
    const signal = sessions.signal(session);
    await expect.poll(() => signal.aborted, { timeout: 10_000, interval: 20 }).toBe(true);
    const waited = performance.now() - began;
    await sessions.close();
    expect(signal.reason).toMatchObject(expired);
    expect(waited).toBeGreaterThan(left - 100);
    expect(waited).toBeLessThan(left + 2_000);
  });
});
