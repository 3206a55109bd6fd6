// P2–P4 for sessions: a reply that is lost, a server that is silent, full or strict leaves nothing half done or twice.
import { ownerTag } from "../../src/redis/keys.js";
import { inspect } from "node:util";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from "vitest";
import {
  type Session,
  SessionNotFoundError,
  SessionStore,
  type SessionStoreOptions,
  StorageFullError,
  StoreUnavailableError,
} from "langchain-redis-sessions";
import { type FaultyProxy, startRedis } from "langchain-redis-sessions/testing";
import { closingIn } from "../support/closing.js";
import type { Address } from "../support/start-servers.js";
import { type Client, clusterThrough } from "../support/topologies.js";
import { tooLateAfter } from "../support/too-late.js";
import { freshId, texts, turn } from "../support/turns.js";

const TIMES = process.env["LONG"] === "1" ? 200 : 5;
const LIMIT = 3;
const servers = inject("servers");
const scripts = ["EVALSHA", "EVAL"];

const { closing, keep, through } = closingIn(afterEach);

interface User {
  readonly owner: { readonly userId: string };
  /** LIMIT of them, oldest first. */
  readonly made: readonly { readonly token: string; readonly session: Session }[];
  /** The newest one; its conversation has a turn and a title. */
  readonly session: Session;
  readonly token: string;
}

async function newUser(sessions: SessionStore): Promise<User> {
  const owner = { userId: freshId() };
  const made = [];
  for (let index = 0; index < LIMIT; index++) made.push(await sessions.create({ ...owner, agentId: "support" }));
  const { session, token } = made.at(-1) ?? expect.unreachable();
  await sessions.history(session).addMessages(turn("first"));
  await sessions.conversations.rename(owner, session.conversationId, "First");
  return { owner, made, session, token };
}

/** A write, what somebody else does before it is repeated, and how to see that it took effect once. */
interface Operation {
  readonly name: string;
  readonly act: (sessions: SessionStore, user: User, options: { operationId?: string }) => Promise<unknown>;
  readonly meanwhile?: (direct: SessionStore, user: User) => Promise<unknown>;
  readonly check: (direct: SessionStore, user: User, result: never, repeated: boolean) => Promise<void>;
}

const operations: readonly Operation[] = [
  {
    name: "create at the limit",
    act: (sessions, { owner }, options) => sessions.create({ ...owner, agentId: "support" }, options),
    check: async (direct, { owner, made }, result: Awaited<ReturnType<SessionStore["create"]>>) => {
      expect(result.ended).toEqual([made[0]?.session.id]);
      const live = (await direct.list(owner)).map(({ id }) => id);
      expect(live).toEqual([...made.slice(1).map(({ session }) => session.id), result.session.id]);
      expect((await direct.verify(result.token, owner)).id).toBe(result.session.id);
    },
  },
  {
    name: "rotate",
    act: (sessions, { token }, options) => sessions.rotate(token, options),
    check: async (direct, { token, session }, result: Awaited<ReturnType<SessionStore["rotate"]>>) => {
      expect((await direct.verify(result.token)).id).toBe(session.id);
      await expect(direct.verify(token)).rejects.toMatchObject({ reason: "rotated" });
    },
  },
  {
    name: "update",
    act: (sessions, { session }, options) => sessions.update(session, { metadata: { step: 1, own: 1 } }, options),
    meanwhile: (direct, { session }) => direct.update(session, { metadata: { step: 2 } }),
    check: async (direct, { token }, _result, repeated) => {
      expect((await direct.verify(token)).metadata).toEqual({ step: repeated ? 2 : 1, own: 1 });
    },
  },
  {
    name: "openConversation",
    act: (sessions, { session }, options) => sessions.openConversation(session, undefined, options),
    meanwhile: (direct, { session }) => direct.openConversation(session, session.conversationId),
    check: async (direct, { token, session }, result: Session, repeated) => {
      const { conversationId } = await direct.verify(token);
      expect(result.conversationId).toBe(conversationId);
      if (repeated) expect(conversationId).toBe(session.conversationId);
      else expect(conversationId).not.toBe(session.conversationId);
    },
  },
  {
    name: "end",
    act: (sessions, { token }, options) => sessions.end(token, options),
    check: async (direct, { owner, token }, result) => {
      expect(result).toBe(true);
      expect(await direct.list(owner)).toHaveLength(LIMIT - 1);
      await expect(direct.verify(token)).rejects.toMatchObject({ reason: "ended" });
    },
  },
  {
    name: "endById",
    act: (sessions, { owner, session }, options) => sessions.endById(owner, session.id, options),
    check: async (direct, { owner }, result) => {
      expect(result).toBe(true);
      expect(await direct.list(owner)).toHaveLength(LIMIT - 1);
    },
  },
  {
    name: "endAll",
    act: (sessions, { owner }, options) => sessions.endAll(owner, options),
    meanwhile: (direct, { owner }) => direct.create({ ...owner, agentId: "opened since" }),
    check: async (direct, { owner }, result, repeated) => {
      expect(result).toBe(LIMIT);
      expect((await direct.list(owner)).map(({ agentId }) => agentId)).toEqual(repeated ? ["opened since"] : []);
    },
  },
  {
    name: "append",
    act: (sessions, { session }, options) => sessions.history(session).addMessages(turn("second"), options),
    meanwhile: (direct, { session }) => direct.history(session).addMessages(turn("third")),
    check: async (direct, { owner, session, token }, _result, repeated) => {
      const expected = ["first", "re: first", "second", "re: second", ...(repeated ? ["third", "re: third"] : [])];
      expect(texts(await direct.history(session).getMessages())).toEqual(expected);
      expect((await direct.verify(token)).messageCount).toBe(expected.length);
      expect((await direct.conversations.list(owner))[0]?.messageCount).toBe(expected.length);
    },
  },
  {
    name: "clear",
    act: (sessions, { session }, options) => sessions.history(session).clear(options),
    meanwhile: (direct, { session }) => direct.history(session).addMessages(turn("anew")),
    check: async (direct, { session }, _result, repeated) => {
      expect(texts(await direct.history(session).getMessages())).toEqual(repeated ? ["anew", "re: anew"] : []);
    },
  },
  {
    name: "conversations.rename",
    act: (sessions, { owner, session }, options) =>
      sessions.conversations.rename(owner, session.conversationId, "Second", options),
    meanwhile: (direct, { owner, session }) => direct.conversations.rename(owner, session.conversationId, "Third"),
    check: async (direct, { owner }, _result, repeated) => {
      expect((await direct.conversations.list(owner))[0]?.title).toBe(repeated ? "Third" : "Second");
    },
  },
  {
    name: "conversations.delete",
    act: (sessions, { owner, session }, options) =>
      sessions.conversations.delete(owner, session.conversationId, options),
    meanwhile: (direct, { session }) => direct.history(session).addMessages(turn("anew")),
    check: async (direct, { owner }, _result, repeated) => {
      expect(await direct.conversations.list(owner)).toHaveLength(repeated ? 1 : 0);
    },
  },
  {
    name: "eraseUser",
    act: (sessions, { owner }) => sessions.eraseUser(owner),
    check: async (direct, { owner, made }) => {
      expect(await direct.list(owner)).toEqual([]);
      expect(await direct.conversations.list(owner)).toEqual([]);
      for (const { token } of made) await expect(direct.verify(token)).rejects.toThrow(SessionNotFoundError);
    },
  },
];

const settings = { maxSessionsPerUser: LIMIT };

/** A store whose replies can be lost, and one beside it that the server already knows the scripts of. */
async function beside(
  connect: () => Client,
  options: Partial<SessionStoreOptions> = {},
): Promise<{ direct: SessionStore; warm: (operation: Operation) => Promise<void> }> {
  const client = keep(connect());
  const direct = new SessionStore({ client, ...settings, ...options });
  // What gets lost must be the reply of the write, not that of NOSCRIPT.
  const warm = async ({ act }: Operation): Promise<void> => void (await act(direct, await newUser(direct), {}));
  return { direct, warm };
}

describe.each(operations)("when the reply to $name is lost", (operation) => {
  test("and the client sends it again, it has happened once", async () => {
    const { direct, warm } = await beside(() => new Redis({ ...servers.single }));
    await warm(operation);
    const proxy = await through(servers.single);
    const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: 20, retryStrategy: () => 1 }));
    const sessions = new SessionStore({ client, ...settings });
    for (let time = 0; time < TIMES; time++) {
      const user = await newUser(direct);
      proxy.dropReplies({ command: scripts });
      const result = await operation.act(sessions, user, {});
      await operation.check(direct, user, result as never, false);
    }
    expect(proxy.faults).toBe(TIMES);
  });

  test("and the caller repeats it under its operation id, it has happened once", async () => {
    const { direct, warm } = await beside(() => new Redis({ ...servers.single }));
    await warm(operation);
    const proxy = await through(servers.single);
    const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: 0, retryStrategy: () => 1 }));
    const sessions = new SessionStore({ client, ...settings });
    for (let time = 0; time < TIMES; time++) {
      const user = await newUser(direct);
      await expect.poll(() => client.ping().catch(() => "away")).toBe("PONG");
      proxy.dropReplies({ command: scripts });
      const error = await operation.act(sessions, user, {}).then(
        () => expect.unreachable(),
        (reason: unknown) => reason as StoreUnavailableError,
      );
      expect(error).toBeInstanceOf(StoreUnavailableError);
      const { operationId } = error;
      await operation.meanwhile?.(direct, user);
      await expect.poll(() => client.ping().catch(() => "away")).toBe("PONG");
      const result = await operation.act(sessions, user, operationId === undefined ? {} : { operationId });
      await operation.check(direct, user, result as never, operation.meanwhile !== undefined);
    }
    expect(proxy.faults).toBe(TIMES);
  });

  test("on a Cluster, it has happened once", async () => {
    const { direct, warm } = await beside(() => clusterThrough(new Map(servers.cluster.map((node) => [node, node]))));
    const proxies = await Promise.all(servers.cluster.map(through));
    const detours = servers.cluster.map((node, index) => {
      const { host, port } = proxies[index] ?? expect.unreachable();
      return [node, { host, port }] as const;
    });
    const client = keep(clusterThrough(new Map(detours), { retryDelayOnFailover: 10, maxRedirections: 100 }));
    const sessions = new SessionStore({ client, ...settings });
    for (let index = 0; index < 6; index++) await warm(operation); // Each node, most likely.
    for (let time = 0; time < Math.min(TIMES, 20); time++) {
      const user = await newUser(direct);
      for (const proxy of proxies) proxy.dropReplies({ command: scripts });
      const result = await operation.act(sessions, user, {});
      await operation.check(direct, user, result as never, false);
    }
    expect(proxies.reduce((sum, { faults }) => sum + faults, 0)).toBeGreaterThan(0);
  });
});

describe("a write that was given up, and repeated elsewhere, and that then runs late after all", () => {
  /** Gives up on the way to Redis, repeats elsewhere, then lets the first attempt through. */
  async function late<Result>(
    act: (sessions: SessionStore, options: { operationId?: string }) => Promise<Result>,
    direct: SessionStore,
  ): Promise<Result> {
    const proxy = await through(servers.single);
    const client = keep(new Redis({ port: proxy.port, retryStrategy: () => 1, maxRetriesPerRequest: null }));
    await client.ping();
    const sessions = new SessionStore({ client, ...settings, deadline: 0.1 });
    proxy.refuse();
    const { operationId } = await act(sessions, {}).then(
      () => expect.unreachable(),
      (reason: unknown) => reason as StoreUnavailableError,
    );
    const result = await act(direct, { operationId: operationId ?? expect.unreachable() });
    await proxy.heal();
    await client.ping(); // Behind the held command in ioredis' queue.
    return result;
  }

  // The late run puts the secret of its own attempt, which nobody holds, in the place of the working one: to be mended.
  test("leaves the token of a create alone", async () => {
    const { direct } = await beside(() => new Redis({ ...servers.single }));
    const owner = { userId: freshId() };
    const { token } = await late((sessions, options) => sessions.create({ ...owner, agentId: "a" }, options), direct);
    await expect(direct.verify(token)).resolves.toMatchObject(owner);
  });

  test("leaves the token of a rotation alone", async () => {
    const { direct } = await beside(() => new Redis({ ...servers.single }));
    const user = await newUser(direct);
    const { token } = await late((sessions, options) => sessions.rotate(user.token, options), direct);
    await expect(direct.verify(token)).resolves.toMatchObject(user.owner);
  });

  test("leaves a token that was rotated since alone", async () => {
    const { direct } = await beside(() => new Redis({ ...servers.single }));
    const init = { userId: freshId(), agentId: "a" };
    const first = await direct.create(init, { operationId: "a" });
    const { token } = await direct.rotate(first.token);
    await direct.create(init, { operationId: "a" }).catch(() => {});
    await expect(direct.verify(token)).resolves.toMatchObject({ userId: init.userId });
  });

  test("ends nothing that was opened since", async () => {
    const { direct } = await beside(() => new Redis({ ...servers.single }));
    const { owner } = await newUser(direct);
    const opened: string[] = [];
    await late(async (sessions, options) => {
      const ended = await sessions.endAll(owner, options);
      if (sessions === direct) opened.push((await direct.create({ ...owner, agentId: "since" })).token);
      return ended;
    }, direct);
    await expect(direct.verify(opened[0] ?? "", owner)).resolves.toMatchObject(owner);
  });
});

describe("when Redis does not answer", () => {
  const deadlineMilliseconds = 400;
  const calls: [name: string, write: boolean, call: (sessions: SessionStore, user: User) => Promise<unknown>][] = [
    ...operations.map(({ name, act }): (typeof calls)[number] => [name, true, (s, u) => act(s, u, {})]),
    ["verify", false, (sessions, { token }) => sessions.verify(token)],
    ["list", false, (sessions, { owner }) => sessions.list(owner)],
    ["conversations.list", false, (sessions, { owner }) => sessions.conversations.list(owner)],
    [
      "conversations.messages",
      false,
      (sessions, { owner, session }) => sessions.conversations.messages(owner, session.conversationId),
    ],
    ["getMessages", false, (sessions, { session }) => sessions.history(session).getMessages()],
    ["length", false, (sessions, { session }) => sessions.history(session).length()],
  ];

  test.each([
    ["swallows everything", (proxy: FaultyProxy) => proxy.blackhole()],
    ["is gone", (proxy: FaultyProxy) => proxy.refuse()],
  ])(
    "because it %s, every call fails in time, says whether it may have happened, and lets nobody in",
    async (_name, fault) => {
      const { direct } = await beside(() => new Redis({ ...servers.single }));
      const user = await newUser(direct);
      const proxy = await through(servers.single);
      const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: null }));
      const sessions = new SessionStore({ client, ...settings, deadline: deadlineMilliseconds / 1000 });
      await client.ping();
      fault(proxy);
      const late = tooLateAfter(deadlineMilliseconds * 1.2);
      const outcomes = await Promise.all(
        calls.map(async ([name, , call]) => {
          const work = call(sessions, user).then(
            () => "resolved",
            (error: unknown) => error,
          );
          return [name, await Promise.race([work, late])] as const;
        }),
      );
      for (const [index, [name, outcome]] of outcomes.entries()) {
        expect(outcome, name).toBeInstanceOf(StoreUnavailableError);
        expect(outcome, name).toMatchObject({ indeterminate: calls[index]?.[1] });
        // An erasure is repeated as a whole; it needs no id.
        if (calls[index]?.[1] && name !== "eraseUser")
          expect((outcome as StoreUnavailableError).operationId, name).toBeTypeOf("string");
      }
    },
  );

  test("an erasure whose outcome is unknown does not claim that nothing happened", async () => {
    const { direct } = await beside(() => new Redis({ ...servers.single }));
    const user = await newUser(direct);
    await direct.eraseUser({ userId: freshId() });
    const proxy = await through(servers.single);
    const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: 0, retryStrategy: () => 1 }));
    await client.ping();
    proxy.dropReplies({ command: scripts });
    const erasing = new SessionStore({ client }).eraseUser(user.owner);
    await expect(erasing).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: true });
    expect(await direct.list(user.owner)).toEqual([]);
  });
});

describe("on a server of its own", () => {
  let client: Redis;
  let sessions: SessionStore;
  let address: Address;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    const redis = await startRedis({ args: ["--maxmemory-policy", "noeviction"] });
    address = { host: redis.host, port: redis.port };
    client = new Redis(redis.url);
    sessions = new SessionStore({ client, ...settings });
    stop = async () => {
      client.disconnect();
      await redis.stop();
    };
  });
  afterAll(() => stop());

  async function stored(): Promise<Record<string, string>> {
    const keys = (await client.keys("*")).toSorted();
    const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
    return Object.fromEntries(keys.map((key, index) => [key, dumps[index]?.toString("base64") ?? ""]));
  }

  test("that is out of memory, creates and appends are refused whole, and everything that ends still works", async () => {
    const users = [];
    for (let index = 0; index < 3; index++) users.push(await newUser(sessions));
    const [one, two, three] = users;
    if (!one || !two || !three) expect.unreachable();
    await client.config("SET", "maxmemory", "1");
    await client.script("FLUSH");
    try {
      const before = await stored();
      for (const work of [
        () => sessions.create({ ...one.owner, agentId: "support" }),
        () => sessions.create({ userId: freshId(), agentId: "support" }),
        () => sessions.history(one.session).addMessages(turn("x")),
        () => sessions.update(one.session, { metadata: { a: 1 } }),
        () => sessions.openConversation(one.session),
        () => sessions.conversations.rename(one.owner, one.session.conversationId, "x"),
      ]) {
        await expect(work()).rejects.toThrow(StorageFullError);
      }
      expect(await stored()).toEqual(before);

      await sessions.verify(one.token);
      expect(await sessions.list(one.owner)).toHaveLength(LIMIT);
      expect(await sessions.conversations.list(one.owner)).toHaveLength(1);
      expect(texts(await sessions.history(one.session).getMessages())).toEqual(["first", "re: first"]);
      const rotated = await sessions.rotate(one.token);
      await sessions.verify(rotated.token);
      expect(await sessions.end(rotated.token)).toBe(true);
      expect(await sessions.endById(one.owner, one.made[0]?.session.id ?? "")).toBe(true);
      expect(await sessions.endAll(one.owner)).toBe(LIMIT - 2);
      expect(await sessions.list(one.owner)).toEqual([]);
      await sessions.history(two.session).clear();
      await sessions.conversations.delete(three.owner, three.session.conversationId);
      expect(await sessions.eraseUser(two.owner)).toEqual({
        sessions: LIMIT,
        conversations: 0,
        memories: 0,
        threads: 0,
        items: 0,
      });
    } finally {
      await client.config("SET", "maxmemory", "0");
    }
    await sessions.create({ ...one.owner, agentId: "support" });
  });

  /** As a Redis user who may not do everything. */
  async function as(...rules: string[]): Promise<SessionStore> {
    await client.acl("SETUSER", "limited", "reset", "on", ">pw", "~*", "+@all", ...rules);
    const limited = new Redis({ ...address, username: "limited", password: "pw" });
    closing.push(() => limited.disconnect());
    return new SessionStore({ client: limited, ...settings });
  }

  test("whose user may use no channel, sessions end whole all the same", async () => {
    const { owner, made, session } = await newUser(sessions);
    const limited = await as("resetchannels");
    const { ended } = await limited.create({ ...owner, agentId: "support" });
    expect(ended).toEqual([made[0]?.session.id]);
    expect(await limited.endById(owner, session.id)).toBe(true);
    expect(await limited.endAll(owner)).toBe(LIMIT - 1);
    expect(await limited.eraseUser(owner)).toEqual({
      sessions: 0,
      conversations: 1,
      memories: 0,
      threads: 0,
      items: 0,
    });
  });

  test.each(["-pexpire", "-zadd", "-hincrby", "-pexpireat"])(
    "whose user may not %s, an append that stops half-way is not doubled by its repetition",
    async (rule) => {
      const { session } = await newUser(sessions);
      const limited = await as(rule);
      const error = await limited
        .history(session)
        .addMessages(turn("second"), { operationId: "a" })
        .then(
          () => expect.unreachable(),
          (reason: unknown) => reason as StoreUnavailableError,
        );
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("second");
      const stopped = await sessions.history(session).length();
      expect(error.indeterminate).toBe(stopped > 2);
      await sessions.history(session).addMessages(turn("second"), { operationId: "a" });
      expect(texts(await sessions.history(session).getMessages())).toEqual([
        "first",
        "re: first",
        "second",
        "re: second",
      ]);
    },
  );
});

test("a call of several round trips that comes too late names its whole deadline, not what was left of it", async () => {
  const proxy = await through(servers.single);
  const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: null }));
  const sessions = new SessionStore({ client, deadline: 0.5 });
  const { owner, session } = await newUser(sessions);
  const index = `chat:user:{${ownerTag(owner.userId, undefined)}}:conversations`;
  for (let gone = 0; gone < 1_100; gone += 100) {
    await client.zadd(index, ...Array.from({ length: 100 }, (_, one) => [one, `gone-${gone + one}`]).flat());
  }
  const send = client.evalsha.bind(client) as (...args: unknown[]) => Promise<unknown>;
  let sent = 0;
  // So many conversations have expired that one run does not look at all of them.
  const sending = vi.spyOn(client, "evalsha").mockImplementation((...args: unknown[]) => {
    if (++sent === 2) proxy.blackhole();
    return send(...args);
  });
  await expect(sessions.conversations.list(owner)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    message: expect.stringContaining("within 500 ms"),
  });
  expect(session.conversationId).toBeDefined();
  expect(sending).toHaveBeenCalledTimes(2);
});
