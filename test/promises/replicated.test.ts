// The option `wait`: a write is done when so many replicas have it; a shortfall is told, and can be repeated.
import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import {
  AgentMemory,
  InvalidOptionError,
  NotReplicatedError,
  RedisChatMessageHistory,
  type RedisChatMessageHistoryOptions,
  type RedisClient,
  SessionStore,
  StoreUnavailableError,
} from "langchain-redis-sessions";
import { problemOf } from "langchain-redis-sessions/http";
import { fromNodeRedis } from "langchain-redis-sessions/node-redis";
import { faultyProxy, type FaultyProxy, type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { ownerTag } from "../../src/redis/keys.js";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { closingIn } from "../support/closing.js";
import { clusterWithReplicas, type ReplicatedCluster } from "../support/cluster-with-replicas.js";
import { connected, nodeRedisVersions, rootNodes } from "../support/node-redis.js";
import { severableLink, type SeverableLink } from "../support/severable-link.js";
import type { Address } from "../support/start-servers.js";
import { freshId, texts, turn } from "../support/turns.js";

const PATIENCE = { timeout: 20_000, interval: 20 };
type Replication = NonNullable<RedisChatMessageHistoryOptions["wait"]>;
const wait: Replication = { replicas: 1, timeout: 2 };
/** While the replica is cut off. */
const impatient: Replication = { replicas: 1, timeout: 0.03 };

const { closing, keep } = closingIn(afterEach);

interface By {
  readonly version: string;
  readonly connect: (port: number) => RedisClient | Promise<RedisClient>;
  /** A client that knows of these nodes, and has heard of the others. */
  readonly connectCluster: (nodes: readonly Address[]) => RedisClient | Promise<RedisClient>;
}

const versions: readonly By[] = [
  {
    version: "ioredis 6",
    connect: (port) => keep(new Redis({ port })),
    connectCluster: (nodes) => keep(new Cluster([...nodes])),
  },
  {
    version: "ioredis 5",
    connect: (port) => keep(new Redis5({ port }) as unknown as Redis),
    connectCluster: (nodes) => keep(new Cluster5([...nodes]) as unknown as Cluster),
  },
  ...nodeRedisVersions.map(({ version, createClient, createCluster }): By => ({
    version,
    connect: async (port) => {
      const client = await connected(createClient({ socket: { port } }));
      closing.push(() => client.destroy());
      return fromNodeRedis(client);
    },
    connectCluster: async (nodes) => {
      const client = await connected(createCluster({ rootNodes: rootNodes(nodes) }));
      closing.push(() => client.destroy());
      return fromNodeRedis(client);
    },
  })),
];

describe.skipIf((await findServerProgram()) === undefined)("with replicas (needs a server program on the PATH)", () => {
  let primary: RunningRedis;
  let replica: RunningRedis;
  let link: SeverableLink;
  let proxy: FaultyProxy;
  let direct: Redis;
  beforeAll(async () => {
    primary = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
    link = await severableLink(() => primary);
    replica = await startRedis({ args: ["--replicaof", link.host, String(link.port)] });
    proxy = await faultyProxy(primary);
    direct = new Redis(primary.url);
    await inSync();
  });
  afterAll(async () => {
    direct.disconnect();
    await proxy.close();
    await Promise.all([primary.stop(), replica.stop()]);
    link.close();
  });
  afterEach(async () => {
    link.mend();
    await proxy.heal();
    await inSync();
  });
  const inSync = (): Promise<unknown> =>
    vi.waitFor(async () => {
      await direct.set("in", "sync");
      expect(await direct.wait(1, 1_000)).toBe(1);
    }, PATIENCE);
  const open = (options: Partial<RedisChatMessageHistoryOptions> = {}): RedisChatMessageHistory =>
    new RedisChatMessageHistory({ client: direct, sessionId: freshId(), wait, ...options });

  test.each(versions)(
    "a write is known to the replica when it resolves, in one round trip, by $version",
    async (by) => {
      const client = await by.connect(proxy.port);
      const history = open({ client });
      await history.addMessages(turn("warm"));
      const before = { trips: proxy.requestsNamed("EVALSHA"), waits: proxy.requestsNamed("WAIT") };
      await history.addMessages(turn("told"));
      expect(proxy.requestsNamed("EVALSHA") - before.trips).toBe(1);
      expect(proxy.requestsNamed("WAIT") - before.waits).toBe(1);
    },
  );

  test("while the replica is cut off, every write is applied and its caller is told; a repetition waits again", async () => {
    const [sessionId, namespace] = [freshId(), freshId()];
    const before = new SessionStore({ client: direct });
    const owner = { userId: freshId() };
    const { token, session } = await before.create({ ...owner, agentId: "support" });
    await before.history(session).addMessages(turn("one"));
    await inSync();
    await new AgentMemory({ client: direct, namespace, wait }).setMany({ n: 1, list: [], x: 1 });
    type Write = (options: { operationId?: string }) => Promise<unknown>;
    const writesThat = (patience: Replication): Record<string, Write> => {
      const sessions = new SessionStore({ client: direct, wait: patience });
      const memory = new AgentMemory({ client: direct, namespace, wait: patience });
      return {
        append: (options) => open({ sessionId, wait: patience }).addMessages(turn("hi"), options),
        clear: (options) => open({ sessionId: "cleared", wait: patience }).clear(options),
        create: (options) => sessions.create({ ...owner, agentId: "support" }, options),
        update: (options) => sessions.update(session, { metadata: { a: 1 } }, options),
        openConversation: (options) => sessions.openConversation(session, undefined, options),
        sessionAppend: (options) => sessions.history(session).addMessages(turn("two"), options),
        sessionMemory: (options) => sessions.memory(session).set("x", 1, options),
        rename: (options) => sessions.conversations.rename(owner, session.conversationId, "title", options),
        delete: (options) => sessions.conversations.delete(owner, session.conversationId, options),
        set: (options) => memory.set("x", 2, options),
        increment: (options) => memory.increment("n", 1, options),
        appendItem: (options) => memory.append("list", 1, options),
        remove: (options) => memory.delete("x", options),
        rotate: (options) => sessions.rotate(token, options),
        endById: (options) => sessions.endById(owner, session.id, options),
        endAll: (options) => sessions.endAll(owner, options),
      };
    };
    link.sever();
    const ids = new Map<string, string>();
    for (const [name, write] of Object.entries(writesThat(impatient))) {
      const error = await write({}).then(
        () => expect.unreachable(name),
        (reason: unknown) => reason,
      );
      expect(error, name).toBeInstanceOf(NotReplicatedError);
      expect(error).toMatchObject({ code: "NOT_REPLICATED", replicas: 0, wanted: 1 });
      const operationId = (error as NotReplicatedError).operationId ?? expect.unreachable();
      ids.set(name, operationId);
      await expect(write({ operationId }), `${name} again`).rejects.toMatchObject({ code: "NOT_REPLICATED" });
      expect(problemOf(error)).toMatchObject({ status: 503, code: "NOT_REPLICATED" });
    }
    // On another connection, which wrote nothing itself.
    const elsewhere = open({ client: keep(new Redis(primary.url)), sessionId, wait: impatient });
    const operationId = ids.get("append");
    await expect(elsewhere.addMessages(turn("hi"), { operationId })).rejects.toThrow(NotReplicatedError);
    link.mend();
    await inSync();
    // Known to the replica by now, which has to say so in time.
    for (const [name, write] of Object.entries(writesThat(wait))) {
      // Sessions were ended meanwhile, by these writes themselves.
      if (/rotate|create|update|open/.test(name)) continue;
      await write({ operationId: ids.get(name) ?? "" });
    }
    expect(texts(await open({ sessionId }).getMessages())).toEqual(["hi", "re: hi"]);
    expect(await new AgentMemory({ client: direct, namespace }).get("n")).toBe(2);
    const patient = new SessionStore({ client: direct, wait });
    await expect(patient.eraseUser(owner)).resolves.toMatchObject({ sessions: expect.any(Number) as number });
  });

  test("control: without the option the write resolves, and the replica does not have it", async () => {
    const sessionId = freshId();
    link.sever();
    await open({ sessionId, wait: undefined }).addMessages(turn("hi"));
    const copy = keep(new Redis(replica.url));
    expect(await copy.exists(`chat:history:{${sessionId}}:messages`)).toBe(0);
  });

  test("what is refused is told as without the option, at once", async () => {
    link.sever();
    const sessions = new SessionStore({ client: direct });
    const { session, token } = await sessions.create({ userId: freshId(), agentId: "support" });
    await sessions.end(token);
    const waiting = new SessionStore({ client: direct, wait: impatient });
    await expect(waiting.update(session, { metadata: {} })).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
    await expect(waiting.conversations.rename(session, session.conversationId, "x")).rejects.toMatchObject({
      code: "CONVERSATION_NOT_FOUND",
    });
  });

  test.each(versions)(
    "a connection that breaks while WAIT is pending leaves the outcome unknown, and nothing twice, by $version",
    async ({ connect }) => {
      const sessionId = freshId();
      const client = await connect(proxy.port);
      const history = open({ client, sessionId });
      await history.addMessages(turn("warm"));
      proxy.dropReplies({ command: "WAIT" });
      const error = await history.addMessages(turn("hi")).then(
        () => expect.unreachable(),
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(StoreUnavailableError);
      const { indeterminate, operationId } = error as StoreUnavailableError;
      expect(indeterminate).toBe(true);
      await history.addMessages(turn("hi"), { operationId });
      proxy.dropReplies({ command: ["EVALSHA", "EVAL"] });
      await history.addMessages(turn("both are sent again"));
      expect(texts(await history.getMessages()).filter((text) => !text.startsWith("re"))).toEqual([
        "warm",
        "hi",
        "both are sent again",
      ]);
    },
  );

  test.each([
    { replicas: 0, timeout: 1 },
    { replicas: 1.5, timeout: 1 },
    { replicas: 1, timeout: "5s" as const },
    { replicas: 1, timeout: 0 },
    { replicas: 1 },
  ])("refuses wait: %o", (bad) => {
    const options = { client: direct, sessionId: "a", namespace: "a", wait: bad as never };
    const { sessionId, namespace, ...store } = options;
    expect(() => new RedisChatMessageHistory({ ...store, sessionId })).toThrow(InvalidOptionError);
    expect(() => new SessionStore(store)).toThrow(/wait/);
    expect(() => new AgentMemory({ ...store, namespace })).toThrow(/wait/);
  });

  test("a server that forgot the script is taught, and then waited for", async () => {
    const sessionId = freshId();
    const history = open({ sessionId });
    await direct.script("FLUSH");
    await history.addMessages(turn("hi"));
    link.sever();
    await direct.script("FLUSH");
    await expect(open({ sessionId, wait: impatient }).addMessages(turn("told"))).rejects.toThrow(NotReplicatedError);
  });

  describe("on a Cluster of which only the second node has a replica", () => {
    let cluster: ReplicatedCluster;
    beforeAll(async () => {
      cluster = await clusterWithReplicas([0, 1, 0]);
    });
    afterAll(() => cluster.stop());

    /** The node, 0 to 2, that holds a history. */
    const ownerOf = async (sessionId: string): Promise<number> => {
      const slot = await direct.call("CLUSTER", "KEYSLOT", `{${sessionId}}`).catch(() => undefined);
      const number = Number(slot ?? (await cluster.primaries[0]?.client.call("CLUSTER", "KEYSLOT", `{${sessionId}}`)));
      return Math.floor(number / Math.ceil(16_384 / 3));
    };

    test.each(versions)("WAIT goes where the write goes, by $version", async ({ connectCluster }) => {
      const client = await connectCluster(cluster.primaries.map(({ host, port }) => ({ host, port })));
      const written = [0, 0, 0];
      while (written.some((times) => times < 5)) {
        const sessionId = freshId();
        const owner = await ownerOf(sessionId);
        const times = (written[owner] ?? 0) + 1;
        if (times > 5) continue;
        written[owner] = times;
        const write = open({ client, sessionId, wait: { replicas: 1, timeout: owner === 1 ? 2 : 0.02 } }).addMessages(
          turn("hi"),
        );
        const outcome = await write.then(
          () => "replicated",
          (error: unknown) => (error as NotReplicatedError).code,
        );
        expect(outcome).toBe(owner === 1 ? "replicated" : "NOT_REPLICATED");
      }
    });

    const slotOf = async (tag: string): Promise<number> =>
      Number(await cluster.primaries[0]?.client.call("CLUSTER", "KEYSLOT", `{${tag}}`));
    /** A slot of the first node with none of the other tests' keys in it: a node gives no others away. */
    const isFree = async (tag: string): Promise<boolean> =>
      (await ownerOf(tag)) === 0 &&
      (await cluster.primaries[0]?.client.call("CLUSTER", "COUNTKEYSINSLOT", await slotOf(tag))) === 0;
    const moveToSecond = async (slot: number): Promise<void> => {
      const second = await cluster.primaries[1]?.client.call("CLUSTER", "MYID");
      for (const { client: node } of cluster.primaries.toReversed()) {
        await node.call("CLUSTER", "SETSLOT", slot, "NODE", String(second));
      }
    };

    test.each(versions)(
      "a slot that has moved is followed, and waited for there, by $version",
      async ({ connectCluster }) => {
        let sessionId = freshId();
        while (!(await isFree(sessionId))) sessionId = freshId();
        const client = await connectCluster(cluster.primaries.map(({ host, port }) => ({ host, port })).slice(0, 1));
        const history = open({ client, sessionId, wait: { replicas: 1, timeout: 1 } });
        const slot = await slotOf(sessionId);
        expect(await history.length(), "the client knows the slots").toBe(0);
        await moveToSecond(slot);
        await history.addMessages(turn("hi"));
        expect(texts(await history.getMessages())).toEqual(["hi", "re: hi"]);
        const [replicaOfSecond] = cluster.replicas;
        expect(await replicaOfSecond?.client.call("CLUSTER", "COUNTKEYSINSLOT", slot)).toBe(2);
      },
    );

    // Each of its attempts has a number, and one that comes after a later one is refused.
    test.each(versions)("a session is created where its slot has moved to, by $version", async ({ connectCluster }) => {
      let userId = freshId();
      while (!(await isFree(ownerTag(userId, undefined)))) userId = freshId();
      const client = await connectCluster(cluster.primaries.map(({ host, port }) => ({ host, port })).slice(0, 1));
      const sessions = new SessionStore({ client, wait: { replicas: 1, timeout: 1 } });
      expect(await sessions.list({ userId }), "the client knows the slots").toEqual([]);
      await moveToSecond(await slotOf(ownerTag(userId, undefined)));
      const { token, session } = await sessions.create({ userId, agentId: "support" });
      expect((await sessions.verify(token)).id).toBe(session.id);
      const rotated = await sessions.rotate(token);
      expect((await sessions.verify(rotated.token)).id).toBe(session.id);
      await sessions.close();
    });
  });
});
