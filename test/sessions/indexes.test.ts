// P7: an entry of an index whose record or list is gone never counts, and is pruned by the next script that walks it.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Redis } from "ioredis";
import { SessionLimitError, SessionMismatchError, SessionStore } from "langchain-redis-sessions";
import { type OwnerKeys, ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { type Client, onOneRedis } from "../support/topologies.js";
import { freshId, texts, turn } from "../support/turns.js";

let client: Client;
beforeAll(() => {
  client = onOneRedis.connect();
});
afterAll(async () => {
  await client.quit();
});

function someone(): { user: { userId: string; agentId: string }; keys: OwnerKeys } {
  const userId = freshId();
  return { user: { userId, agentId: "support" }, keys: ownerKeys("chat", ownerTag(userId, undefined)) };
}

test("each append removes some expired conversations from the index, even if nobody lists them", async () => {
  const sessions = new SessionStore({ client });
  const { user, keys } = someone();
  const { session } = await sessions.create(user);
  await sessions.history(session).addMessages(turn("old, and still there"));
  const elsewhere = await sessions.openConversation(session);
  await client.zadd(keys.conversations, "1", session.conversationId);
  for (let index = 0; index < 15; index++) await client.zadd(keys.conversations, "2", `expired-${index}`);
  await sessions.history(elsewhere).addMessages(turn("one"));
  expect(await client.zcard(keys.conversations)).toBe(2 + 15 - 9);
  await sessions.history(elsewhere).addMessages(turn("two"));
  expect(await client.zrange(keys.conversations, "0", "-1")).toEqual([
    session.conversationId,
    elsewhere.conversationId,
  ]);
  expect(
    texts((await sessions.conversations.messages(user, session.conversationId)).map(({ message }) => message)),
  ).toHaveLength(2);
});

test("a listing removes expired conversations a few at a time, and lists all that exist", async () => {
  const sessions = new SessionStore({ client });
  const { user, keys } = someone();
  const { session } = await sessions.create(user);
  await sessions.history(session).addMessages(turn("behind them all"));
  await sessions.conversations.list(user);
  const later = String(Date.now() + 60_000);
  const expired = Array.from({ length: 1_200 }, (_, index) => [later, `expired-${index}`]);
  await client.zadd(keys.conversations, ...expired.flat());
  const runs = vi.spyOn(client, "evalsha");
  const listed = await sessions.conversations.list(user, { limit: 10 });
  expect(listed.map(({ id }) => id)).toEqual([session.conversationId]);
  expect(runs).toHaveBeenCalledTimes(3);
  runs.mockRestore();
  expect(await client.zrange(keys.conversations, "0", "-1")).toEqual([session.conversationId]);
});

test("a session that is refused at the limit still removes expired ones from the index", async () => {
  const sessions = new SessionStore({ client, maxSessionsPerUser: 1, atLimit: "reject" });
  const { user, keys } = someone();
  const { session } = await sessions.create(user);
  await client.zadd(keys.sessions, "1", "gone");
  await expect(sessions.create(user)).rejects.toBeInstanceOf(SessionLimitError);
  expect(await client.zrange(keys.sessions, "0", "-1")).toEqual([session.id]);
});

test("a user who signs in now and then does not pile up expired sessions", async () => {
  const sessions = new SessionStore({ client, maxSessionsPerUser: 1_000, idleTimeout: "1h" });
  const { user, keys } = someone();
  const agesInMinutes = [300, 200, 61];
  for (const age of agesInMinutes)
    await client.zadd(keys.sessions, String((Date.now() - age * 60_000) * 1_000), `${age}`);
  const { session } = await sessions.create(user);
  expect(await client.zrange(keys.sessions, "0", "-1")).toEqual([session.id]);
});

test("an ended session's record holds only what tells the reason, however much it held", async () => {
  const sessions = new SessionStore({ client });
  const { user } = someone();
  const keys = ownerKeys("chat", ownerTag(user.userId, "acme"));
  const { session, token } = await sessions.create({ ...user, orgId: "acme", ipAddress: "192.0.2.1" });
  for (let part = 0; part < 9; part++) {
    const metadata = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`${part} ${index}`, index]));
    await sessions.update(session, { metadata });
  }
  await sessions.end(token);
  expect(Object.keys(await client.hgetall(keys.session(session.id))).toSorted()).toEqual([
    "activeAt",
    "ended",
    "idle",
    "secret",
    "until",
    "was:agentId",
    "was:ipAddress",
    "was:orgId",
    "was:userId",
  ]);
  await expect(sessions.verify(token, { orgId: "acme", ipAddress: "192.0.2.1" })).rejects.toMatchObject({
    reason: "ended",
  });
  await expect(sessions.verify(token, { orgId: "other" })).rejects.toBeInstanceOf(SessionMismatchError);
});

test("a client that gives scores as numbers reads what is in an index, too", async () => {
  const { host, port } = (client as Redis).options;
  const other = new Redis({ host, port, protocol: 3, replyMapping: "resp3" } as never);
  const sessions = new SessionStore({ client: other });
  const { user } = someone();
  const { session } = await sessions.create(user);
  await sessions.history(session).addMessages(turn("x"));
  expect(await sessions.history(session).getMessages()).toHaveLength(2);
  expect(await sessions.history(session).length()).toBe(2);
  expect(await sessions.conversations.messages(user, session.conversationId)).toHaveLength(2);
  expect(await sessions.list(user)).toHaveLength(1);
  expect(await sessions.conversations.list(user)).toHaveLength(1);
  await other.quit();
});
