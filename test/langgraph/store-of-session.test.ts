// A store that is bound to a session: refused with the session, gone with the user, and nobody else's.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SessionNotFoundError, SessionStore } from "langchain-redis-sessions";
import { RedisStore } from "langchain-redis-sessions/langgraph";
import { ownerKeys, type OwnerKeys, ownerTag } from "../../src/redis/keys.js";
import { removeKeys, storedKeys } from "../sessions/support/stored-keys.js";
import { type Client, allTopologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";

describe.each(allTopologies)("the store of a session on $name", ({ connect }) => {
  const keyPrefix = `chat:${freshId()}`;
  let client: Client;
  let sessions: SessionStore;
  beforeAll(() => {
    client = connect();
    sessions = new SessionStore({ client, keyPrefix });
  });
  afterAll(async () => {
    await removeKeys(client, `${keyPrefix}:*`);
    await client.quit();
  });
  const keysOf = ({ userId }: { userId: string }): OwnerKeys => ownerKeys(keyPrefix, ownerTag(userId, undefined));
  const itemKeysOf = (user: { userId: string }): Promise<string[]> =>
    storedKeys(client, `${keyPrefix}:user:{${ownerTag(user.userId, undefined)}}:*items*`);
  const storeOf = async (userId: string, agentId = "a"): Promise<RedisStore> =>
    new RedisStore({ sessions, session: (await sessions.create({ userId, agentId })).session });

  test("holds what is the user's, in each session and with each agent, and nobody else's", async () => {
    const user = freshId();
    const [first, second, other] = [await storeOf(user), await storeOf(user, "b"), await storeOf(freshId())];
    await first.put(["memories"], "likes", { text: "Tea" });
    expect(await second.get(["memories"], "likes")).toMatchObject({ namespace: ["memories"], value: { text: "Tea" } });
    expect(await second.search([])).toHaveLength(1);
    await other.put(["memories"], "likes", { text: "Coffee" });
    expect(await other.search([])).toMatchObject([{ value: { text: "Coffee" } }]);
    expect(await other.listNamespaces()).toEqual([["memories"]]);
    expect(await first.search(["memories"])).toMatchObject([{ value: { text: "Tea" } }]);
    expect(await new RedisStore({ client, keyPrefix }).search([])).toEqual([]);
  });

  test("is refused once the session has ended, read or written, and nothing is written back", async () => {
    const userId = freshId();
    const { token, session } = await sessions.create({ userId, agentId: "a" });
    const store = new RedisStore({ sessions, session, ttl: "1h" });
    const renewing = new RedisStore({ sessions, session, ttl: "1h", refreshOnRead: true });
    await store.put(["a", "b"], "x", { n: 1 });
    await sessions.end(token);
    for (const call of [
      () => store.get(["a", "b"], "x"),
      () => renewing.get(["a", "b"], "x"),
      () => store.search(["a", "b"]),
      () => store.search(["a"]),
      () => store.search([]),
      () => store.listNamespaces(),
      () => store.listNamespaces({ prefix: ["a", "b"] }),
      () => store.put(["a", "b"], "x", { n: 2 }),
      () => store.put(["new", "one"], "x", { n: 2 }),
      () => store.delete(["a", "b"], "x"),
    ]) {
      const error: unknown = await call().catch((reason: unknown) => reason);
      expect(error, String(call)).toBeInstanceOf(SessionNotFoundError);
      expect(error).toMatchObject({ reason: "ended" });
    }
    const later = await storeOf(userId);
    expect(await later.search([])).toMatchObject([{ key: "x", value: { n: 1 } }]);
  });

  test("is not reached with a session object that was changed on its way", async () => {
    const victim = freshId();
    await (await storeOf(victim)).put(["a"], "x", { secret: true });
    const { session } = await sessions.create({ userId: freshId(), agentId: "a" });
    const store = new RedisStore({ sessions, session: { ...session, userId: victim } });
    await expect(store.search([])).rejects.toThrow(SessionNotFoundError);
    await expect(store.put(["a"], "x", {})).rejects.toThrow(SessionNotFoundError);
  });

  test("extends the session when it is written, not when it is read", async () => {
    const { session } = await sessions.create({ userId: freshId(), agentId: "a" });
    const store = new RedisStore({ sessions, session, ttl: "1h", refreshOnRead: true });
    const record = keysOf(session).session(session.id);
    const activeAt = async (): Promise<number> => Number(await client.hget(record, "activeAt"));
    for (const write of [() => store.put(["a"], "x", {}), () => store.delete(["a"], "x")]) {
      await client.hincrby(record, "activeAt", -60_000);
      const before = await activeAt();
      await store.get(["a"], "x");
      await store.search([]);
      await store.listNamespaces();
      expect(await activeAt()).toBe(before);
      await write();
      expect(await activeAt()).toBeGreaterThan(before + 50_000);
    }
  });

  test("goes with the user, and an agent in flight brings nothing back", async () => {
    const userId = freshId();
    const { session } = await sessions.create({ userId, agentId: "a" });
    const store = new RedisStore({ sessions, session });
    const puts = Array.from({ length: 450 }, (_, n) => ({ namespace: ["a", `b${n}`], key: "x", value: { n } }));
    await store.batch(puts);
    await new RedisStore({ sessions, session, ttl: "1h" }).put(["c"], "y", {});
    expect(await sessions.eraseUser({ userId })).toEqual({
      sessions: 1,
      conversations: 0,
      memories: 0,
      threads: 0,
      items: 451,
    });
    expect(await itemKeysOf({ userId })).toEqual([]);
    await expect(store.put(["a", "b0"], "x", {})).rejects.toThrow(SessionNotFoundError);
    expect(await itemKeysOf({ userId })).toEqual([]);
    const later = await storeOf(userId);
    expect(await later.search([])).toEqual([]);
    expect(await sessions.eraseUser({ userId })).toMatchObject({ items: 0 });
  });

  test("what an erasure has still to remove is not seen, and makes way for what is new", async () => {
    const userId = freshId();
    const store = await storeOf(userId);
    await store.put(["a", "b"], "old", {});
    await store.put(["a", "b"], "older", {});
    const { items } = keysOf({ userId });
    // What the first step of an erasure does.
    await client.del(items);
    expect(await store.get(["a", "b"], "old")).toBeNull();
    expect(await store.search(["a", "b"])).toEqual([]);
    expect(await store.search([])).toEqual([]);
    await store.put(["a", "b"], "new", {});
    expect((await store.search([])).map(({ key }) => key)).toEqual(["new"]);
    expect(await store.listNamespaces()).toEqual([["a", "b"]]);
  });

  test("the index of partitions outlives its longest member and dies with it", async () => {
    const userId = freshId();
    const { session } = await sessions.create({ userId, agentId: "a" });
    const passing = new RedisStore({ sessions, session, ttl: "1h" });
    const lasting = new RedisStore({ sessions, session });
    const { items } = keysOf({ userId });
    await passing.put(["a"], "x", {});
    const left = await client.pttl(items);
    expect(left).toBeGreaterThan(3_500_000);
    expect(left).toBeLessThanOrEqual(3_600_000);
    await lasting.put(["b"], "x", {});
    expect(await client.pttl(items)).toBe(-1);
    expect(await client.zrange(items, "0", "-1")).toEqual(["a", "b"]);
    await lasting.delete(["b"], "x");
    expect(await client.zrange(items, "0", "-1")).toEqual(["a"]);
    expect(await client.pttl(items)).toBeGreaterThan(3_500_000);
    await passing.delete(["a"], "x");
    expect(await itemKeysOf({ userId })).toEqual([]);
  });

  test("works, and is erased, through a client that puts a prefix before keys", async () => {
    const user = { userId: freshId() };
    const prefixed = connect({ keyPrefix: `${keyPrefix}:app:` });
    const others = new SessionStore({ client: prefixed, keyPrefix });
    const { session } = await others.create({ ...user, agentId: "a" });
    const store = new RedisStore({ sessions: others, session });
    await store.put(["a", "😀 b"], "x", { n: 1 });
    expect(await store.search(["a"])).toMatchObject([{ key: "x" }]);
    expect(await others.eraseUser(user)).toMatchObject({ items: 1 });
    const left = await storedKeys(client, `${keyPrefix}:app:*items*`);
    expect(left).toEqual([]);
    await prefixed.quit();
  });
});
