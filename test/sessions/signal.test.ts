// signal(session): a hint that arrives soon, from anywhere, and leaves nothing behind.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Cluster, Redis } from "ioredis";
import { afterEach, beforeAll, afterAll, describe, expect, inject, test } from "vitest";
import { SessionNotFoundError, SessionStore, type SessionStoreOptions } from "langchain-redis-sessions";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { closingIn } from "../support/closing.js";
import { type Client, allTopologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";

const MANY = process.env["LONG"] === "1" ? 2_000 : 200;
const soon = { timeout: 1_000, interval: 5 };

const { closing, keep, through } = closingIn(afterEach);

function storeOn(client: Client, options: Partial<SessionStoreOptions> = {}): SessionStore {
  const store = new SessionStore({ client, ...options });
  closing.push(() => store.close());
  return store;
}

const init = () => ({ userId: freshId(), agentId: "support" });

describe.each(allTopologies)("a signal, on $name", ({ connect }) => {
  /** Two processes as far as Redis can tell: a client and a store each, on channels of this test's own. */
  const two = (options: Partial<SessionStoreOptions> = {}): [here: SessionStore, there: SessionStore] => {
    const keyPrefix = freshId();
    return [storeOn(keep(connect()), { keyPrefix, ...options }), storeOn(keep(connect()), { keyPrefix, ...options })];
  };

  test.each<[way: string, reason: string | undefined, end: (s: SessionStore, made: Made) => Promise<unknown>]>([
    ["is ended by its token", "ended", (store, { token }) => store.end(token)],
    ["is ended by its id", "ended", (store, { user, session }) => store.endById(user, session.id)],
    ["is ended with all others", "ended", (store, { user }) => store.endAll(user)],
    ["is pushed out by the limit", "evicted", (store, { user }) => store.create(user)],
    ["goes with its erased user", "ended", (store, { user }) => store.eraseUser(user)],
  ])("fires within a second when the session %s elsewhere", async (_way, reason, end) => {
    const [here, there] = two({ maxSessionsPerUser: 1 });
    const user = init();
    const { token, session } = await here.create(user);
    const bystander = await here.create(init());
    const signals = [here.signal(session), there.signal(session)];
    const other = here.signal(bystander.session);
    await end(there, { user, token, session });
    await expect.poll(() => signals.every(({ aborted }) => aborted), soon).toBe(true);
    for (const signal of signals) {
      expect(signal.reason).toBeInstanceOf(SessionNotFoundError);
      // Whoever asks after an erasure, instead of hearing of it, finds no record that knows why.
      expect([reason, undefined]).toContain((signal.reason as SessionNotFoundError).reason);
    }
    expect(other.aborted).toBe(false);
  });

  test("is one object for a session, and stays quiet through verify, update and rotation", async () => {
    const [here, there] = two();
    const { token, session } = await here.create(init());
    const signal = here.signal(session);
    const rotated = await there.rotate(token);
    const updated = await there.update(session, { metadata: { a: 1 } });
    expect(here.signal(updated)).toBe(signal);
    expect(here.signal(await here.verify(rotated.token))).toBe(signal);
    const probe = await here.create(init());
    const heard = here.signal(probe.session);
    await there.end(probe.token);
    await expect.poll(() => heard.aborted, soon).toBe(true);
    expect(signal.aborted).toBe(false);
  });

  test("fires when the session expires, and not before", async () => {
    const [here] = two({ idleTimeout: 1 });
    const { token, session } = await here.create(init());
    const signal = here.signal(session);
    const firedAt = new Promise<number>((resolve) => {
      signal.addEventListener("abort", () => resolve(Date.now()));
    });
    const renewed = await here.verify(token);
    expect(await firedAt).toBeGreaterThanOrEqual(renewed.expiresAt.getTime() - 5);
    expect(signal.reason).toMatchObject({ reason: "expired" });
    await expect(here.verify(token)).rejects.toMatchObject({ reason: "expired" });
  }, 10_000);

  test("does not fire after close(), which may be called twice and before any signal", async () => {
    const [here, there] = two();
    await here.close();
    const { token, session } = await here.create(init());
    const signal = here.signal(session);
    await here.close();
    await here.close();
    const witness = there.signal(session);
    await there.end(token);
    await expect.poll(() => witness.aborted, soon).toBe(true);
    expect(signal.aborted).toBe(false);
    await expect(here.verify(token)).rejects.toThrow(SessionNotFoundError);
  });
});

interface Made {
  readonly user: ReturnType<typeof init>;
  readonly token: string;
  readonly session: Awaited<ReturnType<SessionStore["create"]>>["session"];
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

test(`of ${MANY} sessions with signals nothing is left when they have ended, and no connection after close()`, async () => {
  const { single } = inject("servers");
  const client = keep(new Redis({ ...single }));
  const keyPrefix = freshId();
  const sessions = storeOn(client, { keyPrefix });
  const subscribers = async (): Promise<unknown> => (await client.pubsub("NUMSUB", `${keyPrefix}:session-endings`))[1];
  await client.ping();
  const timersBefore = timers();

  const made = await Promise.all(Array.from({ length: MANY }, () => sessions.create(init())));
  // Not in a variable of this function: nothing here may hold what the store should let go of.
  const watch = (): { dropped: WeakRef<AbortSignal>[]; aborted: Promise<unknown> } => {
    const signals = made.map(({ session }) => sessions.signal(session));
    return {
      dropped: signals.map((signal) => new WeakRef(signal)),
      aborted: Promise.all(
        signals.map(
          (signal) =>
            new Promise((resolve) => {
              signal.addEventListener("abort", () => resolve(undefined), { once: true });
            }),
        ),
      ).then(() => undefined),
    };
  };
  const { dropped, aborted } = watch();
  await expect.poll(subscribers, soon).toBe(1);
  await Promise.all(made.map(({ token }) => sessions.end(token)));
  await aborted;
  await expect
    .poll(
      () => {
        collectGarbage();
        return dropped.filter((reference) => reference.deref()).length;
      },
      { timeout: 5_000 },
    )
    .toBe(0);
  expect(timers()).toBeLessThanOrEqual(timersBefore);

  await sessions.close();
  await expect.poll(subscribers, soon).toBe(0);
  expect(client.status).toBe("ready");
}, 60_000);

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
}

describe("when the subscriber was away while a session ended", () => {
  let redis: RunningRedis;
  let cluster: RunningRedis;
  beforeAll(async () => {
    [redis, cluster] = await Promise.all([startRedis({ args: ["--databases", "1"] }), startRedis({ cluster: true })]);
  });
  afterAll(async () => {
    await Promise.all([redis.stop(), cluster.stop()]);
  });

  /** Waits until the signal of another session has been heard: the subscription stands. */
  async function listening(here: SessionStore, there: SessionStore): Promise<void> {
    const { token, session } = await there.create(init());
    const signal = here.signal(session);
    await there.end(token);
    await expect.poll(() => signal.aborted, { timeout: 5_000 }).toBe(true);
  }

  test("because its connection was killed, the signal fires when it is back", async () => {
    const direct = keep(new Redis(redis.url));
    const here = storeOn(keep(new Redis(redis.url)));
    const there = storeOn(direct);
    await listening(here, there);
    const { token, session } = await there.create(init());
    const alive = await there.create(init());
    const signal = here.signal(session);
    const other = here.signal(alive.session);
    // On one connection, one behind the other: Redis has ended the session before the subscriber can be back.
    const [killed] = await Promise.all([direct.call("CLIENT", "KILL", "TYPE", "pubsub"), there.end(token)]);
    expect(Number(killed)).toBeGreaterThan(0);
    await expect.poll(() => signal.aborted, { timeout: 3_000 }).toBe(true);
    expect(signal.reason).toMatchObject({ reason: "ended" });
    await listening(here, there);
    expect(other.aborted).toBe(false);
  });

  test("because the network was gone, the signal fires when it is back", async () => {
    const proxy = await through(redis);
    const here = storeOn(keep(new Redis({ port: proxy.port, retryStrategy: () => 5 })));
    const there = storeOn(keep(new Redis(redis.url)));
    await listening(here, there);
    const { token, session } = await there.create(init());
    const signal = here.signal(session);
    proxy.refuse();
    await there.end(token);
    await proxy.heal();
    await expect.poll(() => signal.aborted, { timeout: 3_000 }).toBe(true);
  });

  test("on a Cluster, the signal fires when it is back", async () => {
    const here = storeOn(keep(new Cluster([...cluster.nodes])));
    const there = storeOn(keep(new Cluster([...cluster.nodes])));
    await listening(here, there);
    const { token, session } = await there.create(init());
    const signal = here.signal(session);
    const nodes = cluster.nodes.map(({ host, port }) => keep(new Redis({ host, port })));
    await Promise.all(nodes.map((node) => node.ping()));
    // Sent at once: Redis has ended the session before the subscriber can be back.
    const killing = Promise.all(nodes.map((node) => node.call("CLIENT", "KILL", "TYPE", "pubsub")));
    await there.end(token);
    expect((await killing).map(Number)).toContain(1);
    await expect.poll(() => signal.aborted, { timeout: 1_500 }).toBe(true);
  });

  test("a client that connects lazily hears of endings too", async () => {
    const here = storeOn(keep(new Redis(redis.url, { lazyConnect: true })));
    const there = storeOn(keep(new Redis(redis.url)));
    const { token, session } = await here.create(init());
    const signal = here.signal(session);
    await there.end(token);
    await expect.poll(() => signal.aborted, { timeout: 2_000 }).toBe(true);
  });

  test("a turn that was forgotten without a word does not keep the subscription", async () => {
    const direct = keep(new Redis(redis.url));
    const keyPrefix = freshId();
    const here = storeOn(keep(new Redis(redis.url)), { keyPrefix });
    const { session } = await here.create(init());
    const subscribed = async (): Promise<unknown> => (await direct.pubsub("NUMSUB", `${keyPrefix}:session-endings`))[1];
    const connections = async (): Promise<string[]> =>
      [...String(await direct.call("CLIENT", "LIST", "TYPE", "pubsub")).matchAll(/^id=(\d+) .* sub=1 /gm)].map(
        ([, id = ""]) => id,
      );
    // Not in a variable of this function, which would hold the watch.
    const watch = (): WeakRef<object> => new WeakRef(here.watch(session));
    const forgotten = watch();
    await expect.poll(subscribed, { timeout: 5_000 }).toBe(1);
    await expect
      .poll(
        () => {
          collectGarbage();
          return forgotten.deref();
        },
        { timeout: 5_000 },
      )
      .toBeUndefined();
    // Each session is looked at when the connection is back.
    const before = await connections();
    await direct.call("CLIENT", "KILL", "TYPE", "pubsub");
    await expect
      .poll(async () => (await connections()).some((id) => !before.includes(id)), { timeout: 5_000 })
      .toBe(true);
    await expect.poll(subscribed, { timeout: 15_000 }).toBe(0);
    const { session: next } = await here.create(init());
    here.watch(next).release();
    await expect.poll(subscribed, { timeout: 5_000 }).toBe(1);
  });
});
