// P3: a write that fails reaches the caller as a typed error that says whether it took effect, and shows no content.
import { inspect } from "node:util";
import { RedisChatMessageHistory as PeerHistory } from "@langchain/community/stores/message/ioredis";
import { HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { afterEach, describe, expect, inject, test } from "vitest";
import { RedisChatMessageHistory, StorageFullError, StoreUnavailableError } from "langchain-redis-sessions";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { closingIn } from "../support/closing.js";
import { turn } from "../support/turns.js";

const { single } = inject("servers");

const { closing, keep, through } = closingIn(afterEach);

async function ownRedis(): Promise<{ redis: RunningRedis; client: Redis }> {
  const redis = await startRedis({ args: ["--maxmemory-policy", "noeviction"] });
  closing.push(() => redis.stop());
  const client = keep(new Redis(redis.url, { maxRetriesPerRequest: 1, retryStrategy: () => 1 }));
  return { redis, client };
}

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );

describe("when Redis is out of memory", () => {
  test("an append is refused and nothing is stored; a clear still works", async () => {
    const { client } = await ownRedis();
    const history = new RedisChatMessageHistory({ client, sessionId: "a" });
    await history.addMessages(turn("before"));
    await client.config("SET", "maxmemory", "1");
    await client.script("FLUSH");
    const keys = await client.keys("*");
    await expect(history.addMessages(turn("x"), { operationId: "o" })).rejects.toThrow(StorageFullError);
    expect(await client.keys("*")).toEqual(keys);
    expect(await history.length()).toBe(2);
    await history.clear();
    expect(await history.length()).toBe(0);
    await client.config("SET", "maxmemory", "0");
    await history.addMessages(turn("x"), { operationId: "o" });
    expect(await history.length()).toBe(2);
  });

  const batch = Array.from({ length: 200 }, (_, index) => new HumanMessage(`${index} ${"x".repeat(10_000)}`));
  const leave = async (client: Redis, bytes: number): Promise<void> => {
    const used = Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1]);
    await client.config("SET", "maxmemory", String(used + bytes));
  };

  test("a batch of 2 MB that meets the limit is stored whole or not at all", async () => {
    const { client } = await ownRedis();
    const history = new RedisChatMessageHistory({ client, sessionId: "a" });
    const outcomes = new Set<boolean>();
    for (const bytes of [100_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000]) {
      await leave(client, bytes);
      const stored = await history.addMessages(batch).then(
        () => true,
        (error: unknown) => !(error instanceof StorageFullError),
      );
      expect(await history.length()).toBe(stored ? batch.length : 0);
      outcomes.add(stored);
      await history.clear();
    }
    expect(outcomes).toEqual(new Set([true, false]));
  });

  test("control: a history that writes message by message stores a part of it", async () => {
    const { client } = await ownRedis();
    const history = new PeerHistory({ client, sessionId: "a" });
    await leave(client, 1_000_000);
    await expect(history.addMessages(batch)).rejects.toThrow("OOM");
    expect(await client.llen("a")).toBeGreaterThan(0);
    expect(await client.llen("a")).toBeLessThan(batch.length);
  });
});

describe("when Redis goes away", () => {
  test("a read and a write each fail with a typed error that shows no content", async () => {
    const { redis, client } = await ownRedis();
    const history = new RedisChatMessageHistory({ client, sessionId: "a" });
    await history.addMessages(turn("before"));
    await redis.stop();
    expect(await failure(history.getMessages())).toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: false });
    const error = await failure(history.addMessages(turn("SECRET"), { operationId: "mine" }));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error).toMatchObject({ indeterminate: true, operationId: "mine" });
    expect(inspect(error, { depth: 20, showHidden: true, getters: true })).not.toContain("SECRET");
  });

  test("control: the error of ioredis shows the content", async () => {
    const client = new Redis({ ...single });
    closing.push(() => client.quit());
    const error = await failure(client.eval("return redis.error_reply('ERR no')", 0, "SECRET"));
    expect(inspect(error, { depth: 20, showHidden: true })).toContain("SECRET");
  });
});

test("a client that throws before it returns a promise fails a read and a write with a typed error", async () => {
  const client = new Proxy(keep(new Redis(single)), {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...values: unknown[]) => {
        throw new Error(`cannot send ${inspect(values)}`);
      };
    },
  });
  const history = new RedisChatMessageHistory({ client, sessionId: "a client that throws" });
  for (const error of [
    await failure(history.getMessages()),
    await failure(history.addMessages([new HumanMessage("secret text")])),
  ]) {
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("secret text");
  }
});

describe("when Redis refuses a command", () => {
  const asUser = async ({ client, redis }: { client: Redis; redis: RunningRedis }, ...rules: string[]) => {
    await client.acl("SETUSER", "limited", "on", ">pw", "~*", "+@all", ...rules);
    const limited = new Redis({ host: redis.host, port: redis.port, username: "limited", password: "pw" });
    closing.push(() => limited.disconnect());
    return limited;
  };

  test("for want of a permission, the write is known not to have happened", async () => {
    const reader = await asUser(await ownRedis(), "-get");
    const history = new RedisChatMessageHistory({ client: reader, sessionId: "a" });
    const error = await failure(history.addMessages(turn("SECRET")));
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: false });
    expect(String(error)).toContain("Nothing was written");
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("SECRET");
    expect(await history.length()).toBe(0);
  });

  test("in the middle of a script, the outcome is called unknown, and a repetition does not double the turn", async () => {
    const own = await ownRedis();
    const limited = new RedisChatMessageHistory({ client: await asUser(own, "-pexpire"), sessionId: "a" });
    const error = await failure(limited.addMessages(turn("one"), { operationId: "o" }));
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: true, operationId: "o" });
    const history = new RedisChatMessageHistory({ client: own.client, sessionId: "a" });
    await history.addMessages(turn("one"), { operationId: "o" });
    expect(await history.length()).toBe(2);
  });

  test("because it is a replica by now, it does not claim that nothing was stored", async () => {
    const { client } = await ownRedis();
    const { redis: other } = await ownRedis();
    await client.replicaof(other.host, other.port);
    const history = new RedisChatMessageHistory({ client, sessionId: "a" });
    const error = await failure(history.addMessages(turn("one")));
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: true });
    expect(String(error)).toContain("READONLY");
  });

  test("on a client inside MULTI, nothing is taken for a reply", async () => {
    const { client } = await ownRedis();
    const history = new RedisChatMessageHistory({ client, sessionId: "a" });
    await client.multi({ pipeline: false });
    const errors = await Promise.all([
      failure(history.addMessages(turn("x"))),
      failure(history.clear()),
      failure(history.getMessages()),
      failure(history.length()),
    ]);
    await client.discard();
    expect(errors.map((error) => String(error))).toEqual(Array(4).fill(expect.stringContaining("inside MULTI")));
    expect(errors.map((error) => (error as StoreUnavailableError).indeterminate)).toEqual([true, true, false, false]);
  });

  test("after an earlier attempt took effect, it does not claim that nothing was stored", async () => {
    const { client, redis } = await ownRedis();
    const proxy = await through(redis);
    const flaky = keep(new Redis({ port: proxy.port, retryStrategy: () => 1 }));
    const history = new RedisChatMessageHistory({ client: flaky, sessionId: "a" });
    await history.addMessages(turn("one"));
    proxy.dropReplies({ count: 1, command: "EVALSHA" });
    // Out of memory from the moment the first attempt was stored: what ioredis resends is refused.
    flaky.once("close", () => void client.config("SET", "maxmemory", "1"));
    flaky.options.retryStrategy = () => 100;
    const error = await failure(history.addMessages(turn("two"), { operationId: "o" }));
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: true, operationId: "o" });
    expect(await history.length()).toBe(4);
    await client.config("SET", "maxmemory", "0");
    await history.addMessages(turn("two"), { operationId: "o" });
    expect(await history.length()).toBe(4);
  });
});
