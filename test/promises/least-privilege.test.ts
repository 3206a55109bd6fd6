// The ACL line of docs/redis.md: each word of it is needed, and nothing else is allowed.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { emptyCheckpoint } from "@langchain/langgraph-checkpoint";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { AgentMemory, RedisChatMessageHistory, type RedisClient, SessionStore } from "langchain-redis-sessions";
import { RedisSaver, SessionSaver } from "langchain-redis-sessions/langgraph";
import { RedisStore } from "langchain-redis-sessions/langgraph";
import { fromNodeRedis } from "langchain-redis-sessions/node-redis";
import { startRedis, type RunningRedis } from "langchain-redis-sessions/testing";
import { conversationOf } from "../../src/chat-history/history.js";
import { connectionOf } from "../../src/encryption/vault.js";
import { portOf } from "../../src/redis/client.js";
import { historyKeys } from "../../src/redis/keys.js";
import { sealPlace } from "../../src/reseal/seal-place.js";
import { lookAtMessage } from "../../src/reseal/sealable.js";
import { ring } from "../encryption/support/rings.js";
import { all } from "../agent-memory/support/all.js";
import { take } from "../chat-history/support/leased-conversations.js";
import { closingIn } from "../support/closing.js";
import { additionFor, grantedCommands, grants } from "../support/acl.js";
import { connected, nodeRedisVersions, rootNodes } from "../support/node-redis.js";
import { freshId, turn } from "../support/turns.js";

const servers = inject("servers");
const { closing, keep } = closingIn(afterAll);

/** Does what LangGraph does with a saver. */
async function useSaver(saver: RedisSaver | SessionSaver, configurable: Record<string, unknown>): Promise<void> {
  const metadata = { source: "loop", step: 0, parents: {} } as const;
  let config: RunnableConfig = { configurable };
  for (const said of ["a", "b"]) {
    const checkpoint = {
      ...emptyCheckpoint(),
      channel_values: { said: [new HumanMessage(said)] },
      channel_versions: { said },
    };
    const stored = await saver.put(config, checkpoint, metadata, { said });
    config = { configurable: { ...configurable, ...stored.configurable } };
    await saver.putWrites(config, [["said", said]], "task");
  }
  await saver.getTuple(config);
  for await (const { checkpoint } of saver.list({ configurable })) expect(checkpoint.v).toBe(4);
  await saver.getDeltaChannelHistory({ config, channels: ["said"] });
}

/** Does all that the library can, and goes on whatever is refused. Returns what was not done. */
async function everything(client: RedisClient, admins: readonly Redis[]): Promise<readonly string[]> {
  const failed: string[] = [];
  const attempt = async <Value>(name: string, call: () => Promise<Value>): Promise<Value | undefined> => {
    try {
      return await call();
    } catch (error) {
      failed.push(`${name}: ${String(error)}`);
      return undefined;
    }
  };
  const id = freshId();
  const history = new RedisChatMessageHistory({ client, sessionId: id, ttl: "never", maxMessages: 3 });
  await attempt("append", () => history.addMessages([...turn("a"), ...turn("b")].slice(0, 3), { operationId: "a" }));
  await attempt("append at the cap", () => history.addMessages(turn("c")));
  await attempt("append that expires", () =>
    new RedisChatMessageHistory({ client, sessionId: id }).addMessages([new HumanMessage("d"), new AIMessage("e")]),
  );
  await attempt("read", () => history.getMessages());
  await attempt("read an operation", () => conversationOf(history).begin({ operationId: "z" }));
  await attempt("length", () => history.length());
  await attempt("lease", async () => {
    const lease = await take(history, { leaseMilliseconds: 1_000, waitForMilliseconds: 0 });
    await lease.release();
  });
  await attempt("seal what is plain", async () => {
    const { messages, meta: record, dataKey } = historyKeys("chat", id);
    const list = { key: messages, type: "list", record, hasLineage: false } as const;
    const place = { ...list, look: lookAtMessage, compresses: true };
    const settings = { client: portOf(client), deadlineMilliseconds: 5_000, encryption: ring(), compress: false };
    const holding = { owner: `history:${id}`, dataKey, ttlMilliseconds: 0 };
    expect((await sealPlace(connectionOf(settings, holding), place)).sealed).toBeGreaterThan(0);
  });
  await attempt("clear", () => history.clear());

  const memory = new AgentMemory({ client, namespace: id, limits: { storageBytes: 10_000 } });
  await attempt("set", () => memory.setMany({ a: 1, b: [], c: "" }, { ttl: "1h" }));
  await attempt("increment", () => memory.increment("a"));
  await attempt("item", () => memory.append("b", 1));
  await attempt("entries", () => all(memory.entries()));
  await attempt("usage", () => memory.usage());
  await attempt("remove", () => memory.delete("a"));
  await attempt("clear memory", () => memory.clear());

  const saver = new RedisSaver({ client, maxCheckpoints: 1, refreshOnRead: true });
  await attempt("a graph", () => useSaver(saver, { thread_id: id }));
  await attempt("prune", () => saver.prune(id, { keep: 1 }));
  await attempt("delete a thread", () => saver.deleteThread(id));
  await attempt("a thread for ever", () => useSaver(new RedisSaver({ client, ttl: "never" }), { thread_id: id }));
  const useStore = async (name: string, store: RedisStore): Promise<void> => {
    await attempt(`${name}: put`, () => store.put(["a", id], "k", { n: 1 }));
    await attempt(`${name}: get`, () => store.get(["a", id], "k"));
    await attempt(`${name}: search`, () => store.search(["a"]));
    await attempt(`${name}: list`, () => store.listNamespaces({ prefix: ["a"] }));
    await attempt(`${name}: delete`, () => store.delete(["a", id], "k"));
    await attempt(`${name}: search what is empty`, () => store.search(["a"]));
  };
  const keyPrefix = `chat:${id}`;
  await useStore("store", new RedisStore({ client, keyPrefix }));
  await useStore("store with a ttl", new RedisStore({ client, keyPrefix, ttl: "1h", refreshOnRead: true }));

  const sessions = new SessionStore({ client, maxSessionsPerUser: 2 });
  const owner = { userId: id };
  const create = (): ReturnType<SessionStore["create"]> => sessions.create({ ...owner, agentId: "support" });
  await attempt("create", create);
  await attempt("create", create);
  const made = await attempt("create at the limit", create);
  if (made) {
    const { session, token } = made;
    await attempt("verify", () => sessions.verify(token));
    await attempt("update", () => sessions.update(session, { metadata: { a: 1, b: null } }));
    await attempt("turn", () => sessions.history(session).addMessages(turn("a")));
    await attempt("turns", () => sessions.history(session).getMessages());
    await attempt("messages", () => sessions.conversations.messages(owner, session.conversationId));
    await attempt("conversations", () => sessions.conversations.list(owner));
    await attempt("conversation", () => sessions.conversations.get(owner, session.conversationId));
    await attempt("rename", () => sessions.conversations.rename(owner, session.conversationId, "t"));
    await attempt("open", () => sessions.openConversation(session, session.conversationId));
    await useStore("store of a session", new RedisStore({ sessions, session, ttl: "1h" }));
    await attempt("session memory", () => sessions.memory(session).set("a", 1));
    await attempt("a graph of a session", () => useSaver(new SessionSaver({ sessions }), { session }));
    await attempt("a turn that begins a thread anew", async () => {
      const [first] = await sessions.conversations.messages(owner, session.conversationId);
      const context = { session, operationId: `${id}-anew`, replaces: first?.position };
      // What an agent asks for in front of its input. Where the thread was not begun anew, its latest is found.
      const configurable = { session, ls_agent_type: "agent" };
      const config: RunnableConfig & { context: object } = { context, configurable };
      expect(await new SessionSaver({ sessions }).getTuple(config)).toBeUndefined();
    });
    await attempt("list", () => sessions.list(owner));
    // What is refused is tried again until the deadline, as nobody waits for the log of an answer.
    const hasty = new SessionStore({ client, deadline: 0.3 });
    const answers = hasty.answers(session);
    await attempt("an answer", async () => {
      const answer = await answers.begin({ operationId: id, input: "Hi" });
      answer.send("Hello");
      expect(await answers.current()).toMatchObject({ operationId: id });
      expect(await answers.stop({ operationId: "another" })).toBe(false);
      await answer.store([new AIMessage("Hello")]);
      await answer.close();
      const [event, end] = await all(answers.follow({ signal: AbortSignal.timeout(400) }));
      expect([event, end]).toMatchObject([{ event: "Hello" }, { end: "stored" }]);
    });
    await attempt("a turn that stops another", async () => {
      const first = await answers.begin({ operationId: `${id}1`, input: "Hi" });
      const second = answers.begin({ operationId: `${id}2`, input: "Hi", supersede: true, waitFor: 1 });
      const ended = second.then((answer) => answer.close()).catch((error: unknown) => error);
      await vi.waitFor(() => expect(first.signal.aborted).toBe(true), { timeout: 400, interval: 5 });
      await first.close();
      expect(await ended).toBeUndefined();
    });
    await hasty.close();
    await attempt("leave a channel", async () => {
      const channel = `chat:user:{${id.slice(0, 16)}}:answer:a`;
      const listeners = async (): Promise<number> => {
        const counts = await Promise.all(admins.map((one) => one.pubsub("NUMSUB", channel)));
        return Math.max(...counts.map(([, count]) => Number(count)));
      };
      const subscriber = portOf(client).subscriber({ onMessage: () => {}, onSubscribed: () => {} });
      try {
        subscriber.listen(channel);
        await vi.waitFor(async () => expect(await listeners()).toBe(1), { timeout: 400, interval: 5 });
        subscriber.leave(channel);
        await vi.waitFor(async () => expect(await listeners()).toBe(0), { timeout: 400, interval: 5 });
      } finally {
        subscriber.close();
      }
    });
    await attempt("signal", async () => {
      const signal = sessions.signal(session);
      await vi.waitFor(async () => {
        const counts = await Promise.all(admins.map((admin) => admin.pubsub("NUMSUB", "chat:session-endings")));
        expect(counts.some(([, count]) => Number(count) > 0)).toBe(true);
      });
      await sessions.rotate(token);
      await sessions.endById(owner, session.id);
      // By the channel, and not by asking again half a minute later.
      await vi.waitFor(() => expect(signal.aborted).toBe(true), { timeout: 400, interval: 5 });
    });
    await sessions.close();
    await attempt("export and import", async () => {
      for (const record of await all(sessions.exportUser(owner))) {
        if (record.kind === "conversation")
          await sessions.conversations.import(owner, record, { id: "new", operationId: record.id });
      }
    });
    await attempt("delete", () => sessions.conversations.delete(owner, session.conversationId));
  }
  await attempt("erase", () => sessions.eraseUser(owner));
  return failed;
}

describe("a user of one Redis with the rights that docs/redis.md names", () => {
  let redis: RunningRedis;
  let admin: Redis;
  beforeAll(async () => {
    redis = await startRedis({ args: ["--databases", "4"] });
    closing.push(() => redis.stop());
    admin = keep(new Redis(redis.url));
  });
  const grant = async (rules: readonly string[]): Promise<string> => {
    const user = freshId();
    await admin.acl("SETUSER", user, "reset", "on", ">pw", ...grants, ...rules);
    return user;
  };
  const as = async (...rules: readonly string[]): Promise<{ client: Redis; user: string }> => {
    const user = await grant(rules);
    const client = keep(new Redis({ host: redis.host, port: redis.port, username: user, password: "pw" }));
    return { client, user };
  };

  test("can do all that the library does", async () => {
    await admin.script("FLUSH");
    const { client } = await as();
    expect(await everything(client, [admin])).toEqual([]);
    expect(await everything(client, [admin])).toEqual([]);
  });

  test.each(nodeRedisVersions)("can do all that the library does over $version", async ({ createClient }) => {
    const { host, port } = redis;
    const username = await grant(["-info"]);
    const client = await connected(createClient({ socket: { host, port }, username, password: "pw" }));
    closing.push(() => client.close());
    expect(await everything(fromNodeRedis(client), [admin])).toEqual([]);
  });

  test("needs each command of it", { timeout: 120_000 }, async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const tooMany: string[] = [];
    for (const command of grantedCommands) {
      await admin.script("FLUSH");
      await admin.acl("LOG", "RESET");
      const { client, user } = await as(`-${command}`);
      const failed = await everything(client, [admin]);
      const log = JSON.stringify(await admin.acl("LOG", 1_000));
      const refused = log.includes(`"object","${command}"`) && log.includes(user);
      // Without INFO, ioredis warns and goes on.
      if (!refused || (failed.length === 0 && command !== "info")) tooMany.push(command);
      client.disconnect();
    }
    expect(tooMany).toEqual([]);
    expect(warn).toHaveBeenCalled();
    warn.mockRestore();
  });

  test("needs the keys and the channel of it", async () => {
    expect(await everything((await as("resetkeys")).client, [admin])).not.toEqual([]);
    const withoutChannel = await everything((await as("resetchannels")).client, [admin]);
    expect(withoutChannel.map((text) => text.split(":")[0])).toEqual([
      "a turn that stops another",
      "leave a channel",
      "signal",
    ]);
  });

  test("needs what the page adds for what looks at every key, and no more", async () => {
    const ofOne = async (...rules: readonly string[]): Promise<unknown> => {
      const sessions = new SessionStore({ client: (await as(...rules)).client, keyPrefix: `chat:${freshId()}` });
      await sessions.create({ userId: "ada", agentId: "support" });
      return sessions.endEverybody();
    };
    await expect(ofOne()).rejects.toThrow(/NOPERM/);
    expect(additionFor("`endEverybody`")).toEqual(["+scan"]);
    expect(await ofOne(...additionFor("`endEverybody`"))).toEqual({ owners: 1, sessions: 1 });
    const saver = async (...rules: readonly string[]): Promise<RedisSaver> =>
      new RedisSaver({ client: (await as(...rules)).client, keyPrefix: `chat:${freshId()}` });
    await expect((await saver()).threads().next()).rejects.toThrow(/NOPERM/);
    expect(await (await saver("+scan")).threads().next()).toEqual({ done: true, value: undefined });
  });

  test("may run no other command, and reach no other key or channel", async () => {
    const { client, user } = await as();
    const names = (await admin.command("LIST")) as unknown as string[];
    const allowed: string[] = [];
    for (const name of names.filter((one) => !names.some((other) => other.startsWith(`${one}|`)))) {
      const [details] = (await admin.command("INFO", name)) as unknown as [name: string, arity: number][];
      const words = name.split("|");
      const filler = Array.from({ length: Math.max(0, Math.abs(details?.[1] ?? 1) - words.length) }, () => "1");
      const verdict = await admin.call("ACL", "DRYRUN", user, ...words, ...filler).catch(String);
      if (!/has no permissions to run the/.test(String(verdict))) allowed.push(name);
    }
    // Whoever may connect may do these.
    const always = new Set(["auth", "hello", "quit", "reset"]);
    expect(names.length).toBeGreaterThan(300);
    expect(allowed.filter((name) => !always.has(name)).toSorted()).toEqual(grantedCommands.toSorted());
    await expect(client.get("other:key")).rejects.toThrow(/NOPERM/);
    await expect(client.eval('return redis.call("GET", KEYS[1])', 1, "other:key")).rejects.toThrow(/NOPERM|permission/);
    await expect(client.publish("other", "x")).rejects.toThrow(/NOPERM/);
    await expect(client.subscribe("other")).rejects.toThrow(/NOPERM/);
  });
});

/** A user on each node of the Cluster. */
function onCluster() {
  const user = freshId();
  const nodes = servers.cluster.map((node) => keep(new Redis({ ...node })));
  const grant = (rules: readonly string[]): Promise<unknown> =>
    Promise.all(nodes.map((node) => node.acl("SETUSER", user, "reset", "on", ">pw", ...grants, ...rules)));
  closing.push(() => Promise.all(nodes.map((node) => node.acl("DELUSER", user))));
  const additions = additionFor("a Cluster").filter((rule) => rule !== "+readonly");
  expect(additions).toHaveLength(2);
  return { user, nodes, grant, additions };
}

test.each(nodeRedisVersions)("on a Cluster the same is enough for $version", async ({ createCluster }) => {
  const { user, nodes, grant, additions } = onCluster();
  await grant([...additions, "-info", "-cluster|info"]);
  const defaults = { username: user, password: "pw" };
  const client = await connected(createCluster({ rootNodes: rootNodes(servers.cluster), defaults }));
  closing.push(() => client.close());
  expect(await everything(fromNodeRedis(client), nodes)).toEqual([]);
});

test("on a Cluster and with `wait` it needs what the page adds for them", async () => {
  const { user, nodes, grant, additions } = onCluster();
  await grant(additions);
  const redisOptions = { username: user, password: "pw" };
  const connect = (): Cluster =>
    keep(new Cluster([...servers.cluster], { redisOptions, clusterRetryStrategy: () => null }));
  const client = connect();
  expect(await everything(client, nodes)).toEqual([]);

  const wait = { replicas: 1, timeout: 0.05 } as const;
  const append = (): Promise<void> =>
    new RedisChatMessageHistory({ client, sessionId: freshId(), wait }).addMessages(turn("hi"));
  await expect(append()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: true });
  await grant([...additions, ...additionFor("`wait`")]);
  await expect(append()).rejects.toMatchObject({ code: "NOT_REPLICATED" });

  await grant([]);
  await expect(connect().get("chat:x")).rejects.toThrow(/startup nodes|NOPERM/u);
});
