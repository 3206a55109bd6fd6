// Controls of the tests of the store: each claim holds, and no longer does when its protection is taken out of the scripts.
import { Redis } from "ioredis";
import { type Duration, SessionNotFoundError, SessionStore, StorageFullError } from "langchain-redis-sessions";
import { RedisStore } from "langchain-redis-sessions/langgraph";
import { startRedis } from "langchain-redis-sessions/testing";
import { afterEach, describe, expect, inject, test } from "vitest";
import { ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { closingIn } from "../support/closing.js";
import { withDamagedScripts } from "../support/damaged-scripts.js";
import { client } from "../support/session-store.js";
import { freshId } from "../support/turns.js";

const { keep, through } = closingIn(afterEach);
const { single } = inject("servers");

interface Protected {
  readonly code: string;
  readonly replacement: string;
  /** Returns whether the claim holds of what is stored through a client. `damage` makes a client another one. */
  readonly holds: (damage: (client: Redis) => Redis) => Promise<boolean>;
}

const itself = (one: Redis): Redis => one;
const keysOf = (found: readonly { key: string }[]): string => found.map(({ key }) => key).join(" ");

/** A store of its own, which belongs to no session. */
const storeOn = (one: Redis, ttl?: Duration): RedisStore =>
  new RedisStore({ client: one, keyPrefix: `chat:${freshId()}`, ttl });

/** A store of a session, and what its owner has. */
async function ofSession(one: Redis) {
  const sessions = new SessionStore({ client: one });
  const userId = freshId();
  const { session, token } = await sessions.create({ userId, agentId: "a" });
  const keys = ownerKeys("chat", ownerTag(userId, undefined));
  return { sessions, session, token, keys, store: new RedisStore({ sessions, session }) };
}

const ofTheStore: Record<string, Protected> = {
  "an item keeps the time of its first put": {
    code: "alive(before) and tonumber(string.sub(before, 1, 16)) or space.clock",
    replacement: "space.clock",
    holds: async (damage) => {
      const store = storeOn(damage(client));
      await store.put(["a", "b"], "x", { n: 1 });
      const first = await store.get(["a", "b"], "x");
      await expect.poll(() => Date.now()).toBeGreaterThan((first?.updatedAt.getTime() ?? 0) + 2);
      await store.put(["a", "b"], "x", { n: 2 });
      const second = await store.get(["a", "b"], "x");
      return second?.createdAt.getTime() === first?.createdAt.getTime();
    },
  },
  "an item that is put again is the newest": {
    code: 'redis.call("ZADD", space.order, whole(space.clock), field)',
    replacement: 'redis.call("ZADD", space.order, "NX", whole(space.clock), field)',
    holds: async (damage) => {
      const store = storeOn(damage(client));
      for (const key of ["x", "y", "x"]) await store.put(["a", "b"], key, {});
      return keysOf(await store.search(["a", "b"], { limit: 1 })) === "x";
    },
  },
  "a namespace is listed while it has items": {
    code: 'redis.call("HDEL", space.namespaces, namespace)',
    replacement: "",
    holds: async (damage) => {
      const store = storeOn(damage(client));
      await store.put(["a", "b"], "x", {});
      await store.put(["a", "b", "c"], "x", {});
      await store.delete(["a", "b"], "x");
      return (await store.listNamespaces()).length === 1;
    },
  },
  "an item whose time is over is not there": {
    code: "(deadline == 0 or deadline > now) and stored",
    replacement: "stored",
    holds: async (damage) => {
      const keyPrefix = `chat:${freshId()}`;
      const store = new RedisStore({ client: damage(client), keyPrefix });
      await new RedisStore({ client, keyPrefix, ttl: 0.01 }).put(["a", "b"], "x", {});
      // The keys stay for an item that does not expire, so nothing but its deadline hides the other one.
      await store.put(["a", "b"], "y", {});
      await expect.poll(() => new RedisStore({ client, keyPrefix }).get(["a", "b"], "x")).toBeNull();
      return (await store.get(["a", "b"], "x")) === null;
    },
  },
  "a search looks below its labels only": {
    code: "string.sub(field, 1, #below) == below",
    replacement: "true",
    holds: async (damage) => {
      const store = storeOn(damage(client));
      await store.put(["a", "b", "c"], "x", {});
      await store.put(["a", "b", "d"], "y", {});
      return keysOf(await store.search(["a", "b", "c"])) === "x";
    },
  },
};

const ofASession: Record<string, Protected> = {
  "a store is refused once its session has ended": {
    code: 'local found = record and state(record, sessions, sessionId) or "live"',
    replacement: 'local found = "live"',
    holds: async (damage) => {
      const { sessions, store, token } = await ofSession(damage(client));
      await store.put(["a", "b"], "x", {});
      await sessions.end(token);
      const calls = [store.get(["a", "b"], "x"), store.search([]), store.put(["a", "b"], "x", {})];
      const results = await Promise.all(calls.map((call) => call.catch((error: unknown) => error)));
      return results.every((result) => result instanceof SessionNotFoundError);
    },
  },
  "what an erasure has still to remove is not seen": {
    code: 'return not partitions or redis.call("ZSCORE", partitions, member)',
    replacement: "return true",
    holds: async (damage) => {
      const { store, keys } = await ofSession(damage(client));
      await store.put(["a", "b"], "old", {});
      await client.del(keys.items);
      return (await store.get(["a", "b"], "old")) === null && (await store.search(["a", "b"])).length === 0;
    },
  },
  "a write extends the session": {
    code: "touch(space.record, space.sessions)",
    replacement: "",
    holds: async (damage) => {
      const { store, keys, session } = await ofSession(damage(client));
      const record = keys.session(session.id);
      await client.hincrby(record, "activeAt", -60_000);
      const before = Number(await client.hget(record, "activeAt"));
      await store.put(["a"], "x", {});
      return Number(await client.hget(record, "activeAt")) > before;
    },
  },
  "the owner's index knows each partition, so that an erasure finds it": {
    code: 'redis.call("ZADD", space.partitions, at == math.huge and "+inf" or whole(at), space.member)',
    replacement: "",
    holds: async (damage) => {
      const { store, sessions, session, keys } = await ofSession(damage(client));
      await store.put(["a", "b"], "x", {});
      await sessions.eraseUser(session);
      return (await client.exists(keys.itemPartition("a,b").items)) === 0;
    },
  },
};

const promises: Record<string, Protected> = {
  "a write that is sent again undoes no later one": {
    code: 'remember(operation, digest, "")',
    replacement: "",
    holds: async (damage) => {
      const proxy = await through(single);
      const slow = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: 100, retryStrategy: () => 1 }));
      const keyPrefix = `chat:${freshId()}`;
      const store = new RedisStore({ client: damage(slow), keyPrefix });
      const beside = new RedisStore({ client, keyPrefix });
      await store.put(["a", "b"], "x", { n: 0 });
      const closed = new Promise((resolve) => {
        slow.once("close", () => resolve(proxy.refuse()));
      });
      proxy.dropReplies({ command: ["EVALSHA", "EVAL"] });
      const lost = store.put(["a", "b"], "x", { n: 1 });
      await closed;
      await beside.put(["a", "b"], "x", { n: 2 });
      await proxy.heal();
      await lost;
      return (await beside.get(["a", "b"], "x"))?.value["n"] === 2;
    },
  },
  "the writes of a batch take effect together": {
    code: "for i = 1, #puts, 2 do",
    replacement: "for i = 1, #puts - 2, 2 do",
    holds: async (damage) => {
      const store = storeOn(damage(client));
      await store.batch([
        { namespace: ["a", "b"], key: "x", value: {} },
        { namespace: ["a", "b"], key: "y", value: {} },
      ]);
      return (await store.search(["a", "b"])).length === 2;
    },
  },
  "without memory a put changes nothing": {
    code: "#!lua\n--[[\nitems.write:",
    replacement: "#!lua flags=allow-oom\n--[[\nitems.write:",
    holds: async (damage) => {
      await using redis = await startRedis();
      const own = keep(new Redis(redis.url));
      const store = storeOn(damage(own));
      await store.put(["a", "b"], "x", { n: 1 });
      await own.config("SET", "maxmemory", "1");
      const error: unknown = await store.put(["a", "b"], "x", { n: 2 }).catch((reason: unknown) => reason);
      const { value } = (await store.get(["a", "b"], "x")) ?? {};
      own.disconnect();
      return error instanceof StorageFullError && value?.["n"] === 1;
    },
  },
};

describe.each(Object.entries({ ...ofTheStore, ...ofASession, ...promises }))(
  "%s",
  (_, { code, replacement, holds }) => {
    test("holds", async () => {
      expect(await holds(itself)).toBe(true);
    });

    test("no longer does when its protection is taken out", async () => {
      expect(await holds((one) => withDamagedScripts(one, code, replacement))).toBe(false);
    });
  },
);
