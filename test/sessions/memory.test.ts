// What an agent remembers of a user is refused with the session, and goes with the user.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  InvalidOptionError,
  QuotaExceededError,
  type RedisClient,
  SessionMismatchError,
  SessionNotFoundError,
  SessionStore,
} from "langchain-redis-sessions";
import { isSealed } from "../support/sealed.js";
import { ownerKeys, type OwnerKeys, ownerTag } from "../../src/redis/keys.js";
import { all } from "../agent-memory/support/all.js";
import { type Client, allTopologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { removeKeys, storedKeys } from "./support/stored-keys.js";

describe.each(allTopologies)("the memory of a session on $name", ({ connect }) => {
  const keyPrefix = freshId();
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
  const memoryKeysOf = (user: { userId: string }): Promise<string[]> =>
    storedKeys(client, `${keyPrefix}:user:{${ownerTag(user.userId, undefined)}}:*memor*`);

  test("belongs to the user and this agent, in each session, and to nobody else", async () => {
    const user = { userId: freshId() };
    const [first, second] = [
      await sessions.create({ ...user, agentId: "a" }),
      await sessions.create({ ...user, agentId: "a" }),
    ];
    const otherAgent = await sessions.create({ ...user, agentId: "a:values" });
    const otherUser = await sessions.create({ userId: freshId(), agentId: "a" });
    await sessions.memory(first.session).set("likes", ["tea"]);
    expect(await sessions.memory(second.session).append("likes", "cake")).toBe(2);
    expect(await sessions.memory(first.session).get("likes")).toEqual(["tea", "cake"]);
    for (const { session } of [otherAgent, otherUser]) {
      expect(await sessions.memory(session).get("likes")).toBeUndefined();
      expect(await all(sessions.memory(session).entries())).toEqual([]);
      expect(await sessions.memory(session).usage()).toEqual({ keys: 0, storageBytes: 0, writesToday: 0 });
    }
    // The next session finds it too.
    await sessions.endAll(user);
    const later = await sessions.create({ ...user, agentId: "a" });
    expect(await sessions.memory(later.session).get("likes")).toEqual(["tea", "cake"]);
  });

  test("is refused once the session has ended, read or written, and nothing is written back", async () => {
    const user = { userId: freshId() };
    const { token, session } = await sessions.create({ ...user, agentId: "a" });
    const memory = sessions.memory(session);
    await memory.set("x", 1);
    await sessions.end(token);
    for (const call of [
      () => memory.get("x"),
      () => memory.getMany(["x"]),
      () => memory.has("x"),
      () => all(memory.entries()),
      () => all(memory.keys()),
      () => memory.usage(),
      () => memory.set("x", 2),
      () => memory.setMany({ x: 2 }),
      () => memory.update("x", () => 2),
      () => memory.increment("x"),
      () => memory.append("list", 2),
      () => memory.delete("x"),
      () => memory.clear(),
    ]) {
      const error: unknown = await call().catch((reason: unknown) => reason);
      expect(error, String(call)).toBeInstanceOf(SessionNotFoundError);
      expect(error).toMatchObject({ reason: "ended" });
    }
    const { session: later } = await sessions.create({ ...user, agentId: "a" });
    expect(await sessions.memory(later).getMany(["x", "list"])).toEqual(new Map([["x", 1]]));
  });

  test("is not reached with a session object that was changed on its way", async () => {
    const user = { userId: freshId() };
    const { session: secret } = await sessions.create({ ...user, agentId: "secret" });
    await sessions.memory(secret).set("x", "hidden");
    const { session } = await sessions.create({ ...user, agentId: "a" });
    const memory = sessions.memory({ ...session, agentId: "secret" });
    await expect(memory.get("x")).rejects.toBeInstanceOf(SessionMismatchError);
    await expect(all(memory.entries())).rejects.toBeInstanceOf(SessionMismatchError);
    await expect(memory.usage()).rejects.toBeInstanceOf(SessionMismatchError);
    await expect(memory.set("x", 1)).rejects.toBeInstanceOf(SessionMismatchError);
    await expect(sessions.memory({ ...session, userId: freshId() }).get("x")).rejects.toBeInstanceOf(
      SessionNotFoundError,
    );
    expect(await sessions.memory(secret).get("x")).toBe("hidden");
  });

  test("extends the session when it is written, not when it is read", async () => {
    const { session } = await sessions.create({ userId: freshId(), agentId: "a" });
    const record = keysOf(session).session(session.id);
    const activeAt = async (): Promise<number> => Number(await client.hget(record, "activeAt"));
    await client.hincrby(record, "activeAt", -60_000);
    const before = await activeAt();
    await sessions.memory(session).get("x");
    expect(await activeAt()).toBe(before);
    await sessions.memory(session).set("x", 1);
    expect(await activeAt()).toBeGreaterThan(before + 50_000);
  });

  test("goes with the user, and an agent in flight brings nothing back", async () => {
    const user = { userId: freshId() };
    const made = await Promise.all(["a", "b", "никто"].map((agentId) => sessions.create({ ...user, agentId })));
    for (const { session } of made) await sessions.memory(session).setMany({ x: 1, y: [2] }, { ttl: "1h" });
    await sessions.memory(made[0]?.session ?? expect.unreachable()).clear();
    expect(await sessions.eraseUser(user)).toEqual({
      sessions: 3,
      conversations: 0,
      memories: 2,
      threads: 0,
      items: 0,
    });
    const left = (await memoryKeysOf(user)).filter((key) => !key.includes(":operation:"));
    expect(left).toEqual([]);
    for (const { session } of made) {
      await expect(sessions.memory(session).set("x", 1)).rejects.toBeInstanceOf(SessionNotFoundError);
    }
    expect((await memoryKeysOf(user)).filter((key) => !key.includes(":operation:"))).toEqual([]);
    expect(await sessions.eraseUser(user)).toEqual({
      sessions: 0,
      conversations: 0,
      memories: 0,
      threads: 0,
      items: 0,
    });
  });

  // Its client replies text only.
  test.skipIf(isSealed)(
    "hundreds of them go in steps, between which none is seen again and a new one is kept",
    async () => {
      const user = { userId: freshId() };
      // In the order in which they go.
      const agents = Array.from({ length: 250 }, (_, index) => `agent ${String(index).padStart(3, "0")}`);
      for (const agentId of agents) {
        const { session } = await sessions.create({ ...user, agentId });
        await sessions.memory(session).set("x", agentId);
      }
      const seen: unknown[] = [];
      let steps = 0;
      const after = async (work: Promise<unknown>): Promise<unknown> => {
        const reply = await work;
        steps += 1;
        if (steps > 1) return reply;
        for (const agentId of agents.slice(-3)) {
          const { session } = await sessions.create({ ...user, agentId });
          const memory = sessions.memory(session);
          seen.push(await memory.get("x"), ...(await all(memory.entries())), (await memory.usage()).writesToday);
        }
        const { session } = await sessions.create({ ...user, agentId: agents.at(-1) ?? "" });
        await sessions.memory(session).set("new", 1);
        seen.push(await sessions.memory(session).get("x"));
        return reply;
      };
      const stepwise: RedisClient = {
        status: client.status,
        evalsha: (sha, keys, values) => after(client.evalsha(sha, keys, values)),
        eval: (script, keys, values) => after(client.eval(script, keys, values)),
        call: (command, ...values) => client.call(command, ...values),
        pipeline: (commands) => client.pipeline(commands),
        duplicate: () => expect.unreachable(),
      };
      const { memories } = await new SessionStore({ client: stepwise, keyPrefix }).eraseUser(user);
      expect(steps).toBe(2);
      expect(memories).toBeGreaterThan(240);
      expect(seen).toEqual([undefined, 0, undefined, 0, undefined, 0, undefined]);
      const { session } = await sessions.create({ ...user, agentId: agents.at(-1) ?? "" });
      expect(await all(sessions.memory(session).keys())).toEqual(["new"]);
      const values = (await memoryKeysOf(user)).filter((key) => key.endsWith(":values"));
      expect(values).toEqual([keysOf(user).memory(agents.at(-1) ?? "").values]);
    },
  );

  test("is kept, listed and erased through a client that puts a prefix before keys", async () => {
    const user = { userId: freshId() };
    const prefixed = connect({ keyPrefix: `${keyPrefix}:app:` });
    const store = new SessionStore({ client: prefixed, keyPrefix });
    const { session } = await store.create({ ...user, agentId: "a b" });
    await store.memory(session).set("x", 1, { ttl: "1h" });
    expect(await all(store.memory(session).keys())).toEqual(["x"]);
    expect(await store.eraseUser(user)).toEqual({ sessions: 1, conversations: 0, memories: 1, threads: 0, items: 0 });
    const left = await storedKeys(client, `${keyPrefix}:app:*`);
    expect(left.filter((key) => !/:operation:|:not-before$|:data-key$/.test(key))).toEqual([]);
    await prefixed.quit();
  });

  test("a huge memory is removed whole, in one step", async () => {
    const user = { userId: freshId() };
    const { session } = await sessions.create({ ...user, agentId: "a" });
    for (let batch = 0; batch < 10; batch++) {
      const entries = Array.from({ length: 1_000 }, (_, index) => [`${batch} ${index}`, "x".repeat(100)] as const);
      await sessions.memory(session).setMany(new Map(entries));
    }
    expect(await sessions.eraseUser(user)).toMatchObject({ memories: 1 });
    expect((await memoryKeysOf(user)).filter((key) => !key.includes(":operation:"))).toEqual([]);
  });

  test("the index of memories outlives its longest member and dies with it", async () => {
    const user = { userId: freshId() };
    const { memories } = keysOf(user);
    const store = new SessionStore({ client, keyPrefix, memory: { ttl: "90d" } });
    const { session } = await store.create({ ...user, agentId: "a" });
    const { session: other } = await store.create({ ...user, agentId: "b" });
    await store.memory(session).set("x", 1);
    const left = await client.pttl(memories);
    expect(left).toBeGreaterThan(90 * 86_400_000 - 60_000);
    expect(left).toBeLessThanOrEqual(90 * 86_400_000);
    await sessions.memory(other).set("x", 1);
    expect(await client.pttl(memories)).toBe(-1);
    expect(await client.zrange(memories, "0", "-1")).toEqual(["a", "b"]);
    await sessions.memory(other).clear();
    expect(await client.pttl(memories)).toBeGreaterThan(90 * 86_400_000 - 60_000);
    // Until the count of the day's writes is gone, too.
    expect(await client.zrange(memories, "0", "-1")).toEqual(["b", "a"]);
    await client.zadd(memories, 1, "b");
    await store.memory(session).set("x", 2);
    expect(await client.zrange(memories, "0", "-1")).toEqual(["a"]);
    expect(await client.pttl(keysOf(user).memory("b").writes)).toBeGreaterThan(0);
  });

  test("has the limits and the ttl that the store gives it", async () => {
    const store = new SessionStore({ client, keyPrefix, memory: { ttl: "2h", limits: { keys: 1, writesPerDay: 2 } } });
    const { session } = await store.create({ userId: freshId(), agentId: "a" });
    await store.memory(session).set("x", 1);
    await expect(store.memory(session).set("y", 1)).rejects.toBeInstanceOf(QuotaExceededError);
    await store.memory(session).set("x", 2);
    await expect(store.memory(session).set("x", 3)).rejects.toMatchObject({ quota: "writesPerDay" });
    expect(await client.pttl(keysOf(session).memory("a").values)).toBeGreaterThan(7_100_000);
    for (const memory of [{ limits: { reads: 1 } }, { ttl: 0 }, "no"]) {
      expect(() => new SessionStore({ client, memory: memory as object })).toThrow(InvalidOptionError);
    }
  });
});
