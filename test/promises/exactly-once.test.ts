// P2: a reply lost on the wire, ioredis' own resends, or a repeat with the same operation id never take effect twice.
import { Redis } from "ioredis";
import { afterEach, describe, expect, inject, test } from "vitest";
import { AgentMemory, RedisChatMessageHistory, SessionStore, StoreUnavailableError } from "langchain-redis-sessions";
import type { FaultyProxy } from "langchain-redis-sessions/testing";
import { closingIn } from "../support/closing.js";
import type { Address } from "../support/start-servers.js";
import { type Client, clusterThrough } from "../support/topologies.js";
import { freshId, texts, turn } from "../support/turns.js";

const servers = inject("servers");
const scripts = ["EVALSHA", "EVAL"];
const appends = Array.from({ length: 200 }, (_, index) => String(index));

/** A client, and the proxy before the server that holds the key. */
interface Arrangement {
  readonly client: Client;
  readonly proxy: FaultyProxy;
}

const { closing, keep, through } = closingIn(afterEach);

const oneRedis = async (maxRetriesPerRequest: number): Promise<Arrangement> => {
  const proxy = await through(servers.single);
  const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest, retryStrategy: () => 1 }));
  return { client, proxy };
};

const cluster = async (key: string): Promise<Arrangement> => {
  const proxies = await Promise.all(servers.cluster.map(through));
  const detours = servers.cluster.map((node, index) => [node, addressOf(proxies[index])] as const);
  const client = keep(clusterThrough(new Map(detours), { retryDelayOnFailover: 10, maxRedirections: 100 }));
  const owners = await Promise.all(servers.cluster.map((node) => holds(node, key)));
  return { client, proxy: proxies[owners.indexOf(true)] ?? expect.unreachable() };
};

function addressOf(proxy: FaultyProxy | undefined): Address {
  return { host: "127.0.0.1", port: proxy?.port ?? 0 };
}

async function holds(node: Address, key: string): Promise<boolean> {
  const direct = new Redis({ ...node });
  try {
    return (await direct.exists(key)) >= 0;
  } catch {
    return false; // MOVED
  } finally {
    direct.disconnect();
  }
}

describe.each([
  { name: "one Redis", arrange: () => oneRedis(20) },
  { name: "a Cluster", arrange: cluster },
])("when the reply to each of 200 writes is lost, on $name", ({ arrange }) => {
  test("the client resends and every turn is stored once", async () => {
    const sessionId = freshId();
    const { client, proxy } = await arrange(`chat:history:{${sessionId}}:messages`);
    const history = new RedisChatMessageHistory({ client, sessionId });
    for (const text of appends) {
      proxy.dropReplies({ command: scripts });
      await history.addMessages(turn(text));
    }
    expect(proxy.faults).toBe(200);
    expect(texts(await history.getMessages())).toEqual(appends.flatMap((text) => [text, `re: ${text}`]));
  });

  test("control: a plain RPUSH is stored twice", async () => {
    const key = freshId();
    const { client, proxy } = await arrange(key);
    for (const text of appends) {
      proxy.dropReplies({ command: "RPUSH" });
      await client.rpush(key, text);
    }
    expect(proxy.faults).toBe(200);
    expect(await client.llen(key)).toBe(400);
    await client.del(key);
  });
});

test("when the client does not resend, each caller is told, and repeating stores the turn once", async () => {
  const { client, proxy } = await oneRedis(0);
  const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
  let told = 0;
  for (const text of appends) {
    proxy.dropReplies({ command: scripts });
    try {
      await history.addMessages(turn(text));
    } catch (error) {
      expect(error).toBeInstanceOf(StoreUnavailableError);
      const { indeterminate, operationId } = error as StoreUnavailableError;
      expect(indeterminate).toBe(true);
      told += 1;
      await expect
        .poll(() =>
          history.addMessages(turn(text), { operationId }).then(
            () => "stored",
            () => "not yet",
          ),
        )
        .toBe("stored");
    }
  }
  expect(told).toBe(200);
  expect(texts(await history.getMessages())).toEqual(appends.flatMap((text) => [text, `re: ${text}`]));
});

test("a clear whose reply is lost does not clear the turn that follows it", async () => {
  const { client, proxy } = await oneRedis(0);
  const direct = new Redis(servers.single);
  closing.push(() => direct.quit());
  const sessionId = freshId();
  const history = new RedisChatMessageHistory({ client, sessionId });
  await history.clear(); // The server knows the script from here on: what gets lost is its reply, not NOSCRIPT.
  await history.addMessages(turn("old"));
  proxy.dropReplies({ command: scripts });
  const { operationId } = await history.clear().then(
    () => expect.unreachable(),
    (error: unknown) => error as StoreUnavailableError,
  );
  await new RedisChatMessageHistory({ client: direct, sessionId }).addMessages(turn("new"));
  await expect
    .poll(() =>
      history.clear({ operationId }).then(
        () => "cleared",
        () => "not yet",
      ),
    )
    .toBe("cleared");
  expect(texts(await history.getMessages())).toEqual(["new", "re: new"]);
});

test("a connection cut at any byte of the reply stores the turn once", async () => {
  const { client, proxy } = await oneRedis(20);
  const history = new RedisChatMessageHistory({ client, sessionId: freshId() });
  const offsets = Array.from({ length: "$8\r\nappended\r\n".length }, (_, offset) => offset);
  await history.addMessages(turn("start"));
  for (const afterBytes of offsets) {
    proxy.cutReply({ afterBytes, command: scripts });
    await history.addMessages(turn(String(afterBytes)));
  }
  expect(proxy.faults).toBe(offsets.length);
  expect(texts(await history.getMessages())).toEqual(
    ["start", ...offsets].flatMap((text) => [String(text), `re: ${text}`]),
  );
});

test("a late run of a write that was given up, and then repeated, changes nothing", async () => {
  const { client, proxy } = await oneRedis(20);
  const sessionId = freshId();
  const history = new RedisChatMessageHistory({ client, sessionId, deadline: 0.1 });
  await client.ping();
  await history.addMessages(turn("warm"));
  proxy.refuse();
  const error = await history.addMessages(turn("late")).then(
    () => expect.unreachable(),
    (reason: unknown) => reason as StoreUnavailableError,
  );
  expect(error).toMatchObject({ indeterminate: true });
  const direct = new Redis(servers.single);
  closing.push(() => direct.quit());
  const { operationId } = error;
  await new RedisChatMessageHistory({ client: direct, sessionId }).addMessages(turn("late"), { operationId });
  await proxy.heal();
  // Behind the held command in ioredis' queue, so it has run when this answers.
  await expect.poll(() => client.ping().catch(() => "away")).toBe("PONG");
  expect(texts(await new RedisChatMessageHistory({ client: direct, sessionId }).getMessages())).toEqual([
    "warm",
    "re: warm",
    "late",
    "re: late",
  ]);
});

const repeatable: Record<
  string,
  (options: { client: Client; keyPrefix: string }, operationId: string) => Promise<unknown>
> = {
  "a history's append": (options, operationId) =>
    new RedisChatMessageHistory({ ...options, sessionId: "a" }).addMessages(turn("once"), { operationId }),
  "a history's clear": (options, operationId) =>
    new RedisChatMessageHistory({ ...options, sessionId: "a" }).clear({ operationId }),
  "a session's creation": (options, operationId) =>
    new SessionStore(options).create({ userId: "ada", agentId: "support" }, { operationId }),
  "a write to agent memory": (options, operationId) =>
    new AgentMemory({ ...options, namespace: "ada" }).set("x", 1, { operationId }),
};

test.each(Object.entries(repeatable))(
  "a repetition of %s makes its operation id good for two more minutes",
  async (_name, write) => {
    const client = keep(new Redis(servers.single));
    const keyPrefix = freshId();
    await write({ client, keyPrefix }, "o");
    const [key = expect.unreachable(), ...others] = await client.keys(`${keyPrefix}:*:operation:*`);
    expect(others).toEqual([]);
    await client.pexpire(key, 30_000);
    await write({ client, keyPrefix }, "o");
    expect(await client.pttl(key)).toBeGreaterThan(90_000);
  },
);
