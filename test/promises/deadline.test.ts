// P4: every store call settles within its deadline, whatever state Redis or the client is in.
import { RunnableLambda } from "@langchain/core/runnables";
import { Cluster, Redis } from "ioredis";
import { afterEach, describe, expect, inject, test, vi } from "vitest";
import { RedisChatMessageHistory, SessionStore, StoreUnavailableError } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import type { FaultyProxy } from "langchain-redis-sessions/testing";
import { closingIn } from "../support/closing.js";
import type { Client } from "../support/topologies.js";
import { tooLateAfter } from "../support/too-late.js";
import { freshId, turn } from "../support/turns.js";

const deadlineMilliseconds = 400;
const { single } = inject("servers");

const { keep, through } = closingIn(afterEach);

async function proxied(): Promise<FaultyProxy> {
  const proxy = await through(single);
  return proxy;
}

/** "in time" when `work` settles before a timer of the deadline + 10 % that started with it. */
function settles(work: Promise<unknown>): Promise<string> {
  const inTime = work.then(
    () => "in time: resolved",
    (error: unknown) => (error instanceof StoreUnavailableError ? "in time: StoreUnavailableError" : String(error)),
  );
  return Promise.race([inTime, tooLateAfter(deadlineMilliseconds * 1.1)]);
}

const states: { state: string; client: () => Promise<Client> }[] = [
  {
    state: "the server swallows everything",
    client: async () => {
      const proxy = await proxied();
      const client = keep(new Redis({ port: proxy.port }));
      await client.ping();
      proxy.blackhole();
      return client;
    },
  },
  {
    state: "the server went away",
    client: async () => {
      const proxy = await proxied();
      const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: null }));
      await client.ping();
      proxy.refuse();
      return client;
    },
  },
  {
    state: "the connection was never made",
    client: async () => {
      const proxy = await proxied();
      proxy.blackhole();
      return keep(new Redis({ port: proxy.port, maxRetriesPerRequest: null }));
    },
  },
  {
    state: "the client was closed",
    client: async () => {
      const client = keep(new Redis({ ...single }));
      await client.quit();
      return client;
    },
  },
  {
    state: "no node of the Cluster answers",
    client: async () => {
      const proxy = await proxied();
      proxy.refuse();
      return keep(new Cluster([{ port: proxy.port, host: "127.0.0.1" }]));
    },
  },
];

describe.each(states)("when $state", ({ client: connect }) => {
  test("every call fails in time with a typed error", async () => {
    const client = await connect();
    const history = new RedisChatMessageHistory({
      client,
      sessionId: freshId(),
      deadline: deadlineMilliseconds / 1000,
    });
    const outcomes = await Promise.all([
      settles(history.getMessages()),
      settles(history.addMessages(turn("x"))),
      settles(history.clear()),
      settles(history.length()),
    ]);
    expect(outcomes).toEqual(Array(4).fill("in time: StoreUnavailableError"));
  });
});

test("a turn that reads twice has one deadline", async () => {
  const proxy = await proxied();
  const client = keep(new Redis({ port: proxy.port }));
  const sessions = new SessionStore({ client, deadline: deadlineMilliseconds / 1000, window: { messages: 2 } });
  const user = { userId: freshId(), agentId: "a" };
  const { session } = await sessions.create(user);
  await sessions.history(session).addMessages(turn("x"));
  const [question] = await sessions.conversations.messages(user, session.conversationId);
  proxy.delay(deadlineMilliseconds * 0.3); // Each way: two round trips take longer than the deadline.
  const chain = new RunnableWithSession({ runnable: RunnableLambda.from(() => "never said"), sessions });
  const editing = chain.invoke("y", { configurable: { session, replaces: question?.position } });
  expect(await settles(editing)).toBe("in time: StoreUnavailableError");
});

test("a reply that came while the process was busy past the deadline counts", async () => {
  const client = keep(new Redis({ ...single }));
  const sessionId = freshId();
  await new RedisChatMessageHistory({ client, sessionId }).addMessages(turn("the server knows the script now"));
  const adding = new RedisChatMessageHistory({ client, sessionId, deadline: 0.05 }).addMessages(turn("x"));
  await new Promise(setImmediate); // The command is out; now the process is busy for three deadlines.
  const end = performance.now() + 150;
  while (performance.now() < end);
  await expect(adding).resolves.toBeUndefined();
});

test("the time that a client takes for sending counts", async () => {
  const client = keep(new Redis({ ...single }));
  const busy = vi.spyOn(client, "evalsha").mockImplementation(() => {
    const end = performance.now() + deadlineMilliseconds * 0.75;
    while (performance.now() < end);
    return new Promise(() => {});
  });
  const history = new RedisChatMessageHistory({ client, sessionId: freshId(), deadline: deadlineMilliseconds / 1000 });
  // The timer of `settles` has to be set before the client is busy.
  expect(await settles(Promise.resolve().then(() => history.addMessages(turn("x"))))).toBe(
    "in time: StoreUnavailableError",
  );
  expect(busy).toHaveBeenCalled();
});

test("control: ioredis alone does not settle in time when the server swallows everything", async () => {
  const client = await (states[0]?.client() ?? expect.unreachable());
  expect(await settles(client.lrange(freshId(), 0, -1))).toBe("too late");
});
