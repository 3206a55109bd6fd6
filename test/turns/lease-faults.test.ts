// Turns that hold or wait for a conversation while processes, connections and sessions come to an end.
import { getEventListeners, once } from "node:events";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";
import { faultyProxy, type FaultyProxy } from "langchain-redis-sessions/testing";
import { freshId, texts, turn } from "../support/turns.js";
import type { LineProcess } from "../support/line-process.js";
import { ofASession, onItsOwn, store, take } from "../chat-history/support/leased-conversations.js";
import { holdingProcess } from "../chat-history/support/turn-processes.js";

const { single } = inject("servers");
let client: Redis;
beforeAll(() => {
  client = new Redis(single);
});
afterAll(async () => {
  await client.quit();
});

const closing: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

const gone = async (key: string): Promise<void> => {
  await expect.poll(() => client.exists(key), { interval: 5, timeout: 10_000 }).toBe(0);
};

describe("while another process holds the conversation", () => {
  const LEASE = 1_500;

  async function held(): Promise<{ holder: LineProcess; history: RedisChatMessageHistory; lease: string }> {
    const sessionId = freshId();
    const holder = await holdingProcess({ ...single, sessionId, leaseMilliseconds: LEASE });
    closing.push(() => holder.stop());
    const history = new RedisChatMessageHistory({ client, sessionId });
    return { holder, history, lease: `chat:history:{${sessionId}}:lease` };
  }

  test("a turn waits for several leases, as long as that process lives, and goes on when it is killed", async () => {
    const { holder, history } = await held();
    await expect(take(history, { waitForMilliseconds: 3 * LEASE })).rejects.toMatchObject({ reason: "taken" });
    const waiting = take(history, { waitForMilliseconds: 10 * LEASE });
    holder.signal("SIGKILL");
    await (await waiting).release();
  });

  test("its turn is stored when it comes to that, and the next one runs", async () => {
    const { holder, history } = await held();
    const waiting = take(history);
    holder.say("store");
    expect(await holder.hear()).toEqual({ outcome: "stored" });
    await (await waiting).release();
    expect(texts(await history.getMessages())).toEqual(["from the process", "re: from the process"]);
  });

  test.each(["another turn", "none"])(
    "it is stopped for longer than its lease and goes on: its turn is refused only when another took over: %s did",
    async (successor) => {
      const { holder, history, lease } = await held();
      holder.signal("SIGSTOP");
      holder.say("store");
      if (successor === "another turn") {
        const next = await take(history);
        await store(history, turn("next"), {
          operationId: "of the next",
          lease: { token: next.token, after: "release" },
        });
        next.stop();
      } else {
        await gone(lease);
      }
      holder.signal("SIGCONT");
      expect(await holder.hear()).toEqual({ outcome: successor === "none" ? "stored" : "lost" });
      expect(await history.length()).toBe(2);
    },
  );
});

describe("on a connection that fails", () => {
  async function throughProxy(): Promise<{ proxy: FaultyProxy; through: Redis }> {
    const proxy = await faultyProxy(single);
    const through = new Redis({ port: proxy.port, maxRetriesPerRequest: 20, retryStrategy: () => 1 });
    through.on("error", () => {});
    closing.push(
      () => proxy.close(),
      () => through.disconnect(),
    );
    return { proxy, through };
  }
  const scripts = ["EVALSHA", "EVAL"];

  test("a turn whose granted try lost its reply is granted once", async () => {
    const { proxy, through } = await throughProxy();
    const { open, lease, waiting } = await onItsOwn();
    await (await take(open(through))).release();
    proxy.dropReplies({ command: scripts });
    const running = await take(open(through));
    expect(proxy.faults).toBe(1);
    expect(await client.get(lease)).toBe(running.token);
    expect(await client.exists(waiting)).toBe(0);
    await expect(take(open(client), { concurrency: "reject" })).rejects.toMatchObject({ reason: "taken" });
    await running.release();
    await (await take(open(client), { concurrency: "reject" })).release();
  });

  test("a turn whose first try lost its reply stands in line once", async () => {
    const { proxy, through } = await throughProxy();
    const { open, waiting } = await onItsOwn();
    const running = await take(open(client));
    proxy.dropReplies({ command: scripts });
    const sent = vi.spyOn(through, "evalsha");
    const next = take(open(through));
    // Its second try comes after the reply to the first, which had to be sent twice.
    await expect.poll(() => sent.mock.calls.length).toBeGreaterThan(1);
    expect(proxy.faults).toBe(1);
    expect(await client.zcard(waiting)).toBe(1);
    await running.release();
    await (await next).release();
  });

  test("a turn that holds the conversation renews it again when Redis is back", async () => {
    const { proxy, through } = await throughProxy();
    const { open, lease } = await onItsOwn();
    await through.ping();
    const running = await take(open(through, { deadline: 0.05 }), { leaseMilliseconds: 300 });
    const stopped = vi.spyOn(running, "stop");
    const sent = vi.spyOn(through, "evalsha");
    proxy.refuse();
    await client.pexpire(lease, 60_000);
    await expect.poll(() => sent.mock.calls.length).toBeGreaterThan(1);
    await proxy.heal();
    await expect.poll(() => client.pttl(lease)).toBeLessThanOrEqual(300);
    expect(stopped).not.toHaveBeenCalled();
    await running.release();
    expect(await client.exists(lease)).toBe(0);
  });

  test("a turn that waits is told at once", async () => {
    const { proxy, through } = await throughProxy();
    const { open } = await onItsOwn();
    const running = await take(open(client));
    const sent = vi.spyOn(through, "evalsha");
    await through.ping();
    const next = take(open(through, { deadline: 0.1 }));
    next.catch(() => {});
    await expect.poll(() => sent.mock.calls.length).toBeGreaterThan(1);
    proxy.blackhole();
    await expect(next).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: false });
    await running.release();
  });
});

describe("a lease", () => {
  test("is renewed for as long as its turn runs, and no longer once it is lost", async () => {
    const { open, lease } = await onItsOwn();
    const running = await take(open(client), { leaseMilliseconds: 300 });
    const stopped = vi.spyOn(running, "stop");
    for (let renewal = 0; renewal < 3; renewal++) {
      await client.pexpire(lease, 60_000);
      await expect.poll(() => client.pttl(lease), { interval: 5 }).toBeLessThanOrEqual(300);
    }
    expect(stopped).not.toHaveBeenCalled();
    await client.set(lease, "another's", "PX", 60_000);
    await expect.poll(() => stopped.mock.calls).toHaveLength(1);
    await running.release();
    expect(await client.get(lease)).toBe("another's");
    expect(await client.pttl(lease)).toBeGreaterThan(50_000);
    await client.del(lease);
  });

  test.each([
    ["is taken again when it lapsed and no other turn took it", false],
    ["is lost when another turn took it in between", true],
  ])("%s", async (_what, taken) => {
    const { open, lease, holder } = await onItsOwn();
    const running = await take(open(client), { leaseMilliseconds: 300 });
    const stopped = vi.spyOn(running, "stop");
    if (taken) await client.set(holder, "another's", "PX", 60_000);
    await client.del(lease);
    if (taken) await expect.poll(() => stopped.mock.calls).toHaveLength(1);
    else await expect.poll(() => client.get(lease), { interval: 5 }).toBe(running.token);
    await running.release();
    expect(await client.exists(lease)).toBe(0);
    await client.del(holder);
  });

  test("lapses while its turn is silent, is taken again when the turn is heard of, and is given back when it is gone", async () => {
    const { open, lease, holder } = await onItsOwn();
    let sign: "alive" | "silent" | "gone" = "silent";
    const running = await take(open(client), { leaseMilliseconds: 300, sign: () => sign });
    await gone(lease);
    expect(await client.get(holder)).toBe(running.token);
    sign = "alive";
    await expect.poll(() => client.get(lease), { interval: 5 }).toBe(running.token);
    sign = "gone";
    await gone(lease);
    await gone(holder);
  });

  test("is not renewed again while a renewal is under way", async () => {
    let underWay = 0;
    let most = 0;
    // Longer than the time between two renewals.
    const { slow, sent } = slowed(async (call) => {
      underWay += 1;
      most = Math.max(most, underWay);
      if (call > 1) await new Promise((resolve) => setTimeout(resolve, 750));
      underWay -= 1;
    });
    const { open } = await onItsOwn();
    const running = await take(open(slow), { leaseMilliseconds: 1_500 });
    const stopped = vi.spyOn(running, "stop");
    await expect.poll(sent, { timeout: 20_000 }).toBeGreaterThan(3);
    expect(most).toBe(1);
    expect(stopped).not.toHaveBeenCalled();
    await running.release();
  });

  test("leaves no listener on the signal, which may be that of many turns, whether it was granted or refused", async () => {
    const { open } = await onItsOwn();
    const { signal } = new AbortController();
    for (let index = 0; index < 200; index++) await (await take(open(client), { signal })).release();
    expect(getEventListeners(signal, "abort")).toEqual([]);
    const running = await take(open(client), { signal });
    const refused = take(open(client), { signal, concurrency: "reject" });
    await expect(refused).rejects.toMatchObject({ reason: "taken" });
    const impatient = take(open(client), { signal, waitForMilliseconds: 60 });
    await expect(impatient).rejects.toMatchObject({ reason: "taken" });
    await running.release();
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("that is granted to a turn after it was aborted is given back", async () => {
    const goOn = new AbortController();
    const { slow, sent } = slowed(async (call) => {
      if (call === 1) await once(goOn.signal, "abort");
    });
    const { open, lease } = await onItsOwn();
    const controller = new AbortController();
    const aborted = take(open(slow), { signal: controller.signal });
    controller.abort();
    // At once: the try is still under way.
    await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
    goOn.abort();
    await expect.poll(sent).toBe(2);
    await gone(lease);
    await (await take(open(client), { concurrency: "reject" })).release();
  });

  test("is asked for some forty times a second by the next in line, and less often by those behind", async () => {
    const { slow, sent } = slowed(async () => {});
    const { open, waiting } = await onItsOwn();
    const running = await take(open(client));
    const tries = async (): Promise<number> => {
      const before = sent();
      await expect(take(open(slow), { waitForMilliseconds: 300 })).rejects.toMatchObject({ reason: "taken" });
      return sent() - before;
    };
    // With the one that leaves the line; a busy machine makes it fewer.
    expect(await tries()).toBeLessThanOrEqual(15);
    const others = Array.from({ length: 9 }, (_, index) => [Date.now() + 60_000, `000000000000000${index}:another`]);
    await client.zadd(waiting, ...others.flat());
    expect(await tries()).toBeLessThanOrEqual(4);
    await client.del(waiting);
    await running.release();
  });

  test("costs one command to take or to be refused, and none to give back with the last write", async () => {
    const { slow, sent } = slowed(async () => {});
    const { open, lease } = await onItsOwn();
    const history = open(slow);
    const running = await take(history);
    await expect(take(history, { concurrency: "reject" })).rejects.toMatchObject({ reason: "taken" });
    await store(history, turn("one"), {
      operationId: "a",
      lease: { token: running.token, after: "release" },
    });
    running.stop();
    expect(sent()).toBe(3);
    expect(await client.exists(lease)).toBe(0);
  });
});

/** The client, whose scripts wait before they are sent. */
function slowed(wait: (call: number) => Promise<void>): { slow: Redis; sent: () => number } {
  let calls = 0;
  const slow = Object.assign(Object.create(client) as Redis, {
    evalsha: async (...command: Parameters<Redis["evalsha"]>) => {
      calls += 1;
      await wait(calls);
      return client.evalsha(...command);
    },
  });
  return { slow, sent: () => calls };
}

describe("a session that is no longer live", () => {
  test("gets no turn, and its end is the reason", async () => {
    for (const reason of ["ended", "evicted", "expired"] as const) {
      const { open, session, token, lease, waiting } = await ofASession(client);
      const sessions = new SessionStore({ client, maxSessionsPerUser: 1 });
      if (reason === "ended") await sessions.end(token);
      if (reason === "evicted") await sessions.create({ userId: session.userId, agentId: "support" });
      if (reason === "expired") {
        await client.hset(lease.replace(/lease:.*/, `session:${session.id}`), "activeAt", "1000");
      }
      for (const concurrency of ["wait", "reject"] as const) {
        await expect(take(open(client), { concurrency })).rejects.toMatchObject({ code: "SESSION_NOT_FOUND", reason });
      }
      expect(await client.exists(lease, waiting)).toBe(0);
    }
  });

  test("leaves the line", async () => {
    const { open, token, waiting } = await ofASession(client);
    const running = await take(open(client));
    const next = take(open(client));
    next.catch(() => {});
    await expect.poll(() => client.zcard(waiting)).toBe(1);
    await new SessionStore({ client }).end(token);
    await expect(next).rejects.toMatchObject({ code: "SESSION_NOT_FOUND", reason: "ended" });
    await gone(waiting);
    await running.release();
  });
});

test("conversations with hostile ids have leases of their own", async () => {
  const mine = freshId();
  const ids = ["", "}", "{", "}:lease", ":lease", ":waiting", "*", "?", "\0", "\r\n", " ", "%", "%7D", "é", "e\u0301", "😀"]
    .map((end) => mine + end); // prettier-ignore
  const histories = ids.map((sessionId) => new RedisChatMessageHistory({ client, sessionId }));
  const leases = await Promise.all(histories.map((history) => take(history, { concurrency: "reject" })));
  const keys = (await client.keys(`chat:history:{${mine}*:lease`)).toSorted();
  expect(keys).toHaveLength(ids.length);
  for (const key of keys) expect(key).toMatch(/^chat:history:\{[^{}:*?\s]+\}:lease$/);
  for (const history of histories) {
    await expect(take(history, { concurrency: "reject" })).rejects.toMatchObject({ reason: "taken" });
  }
  await Promise.all(leases.map((lease) => lease.release()));
  expect(await client.exists(...keys)).toBe(0);
});

test("a key of another type in a lease's place is left alone", async () => {
  const { open, lease, waiting } = await onItsOwn();
  const history = open(client);
  await client.rpush(lease, "another application's");
  await expect(take(history)).rejects.toMatchObject({ code: "CORRUPT_MESSAGE" });
  const write = { operationId: "a", lease: { token: "mine", after: "release" } } as const;
  await expect(store(history, turn("x"), write)).rejects.toMatchObject({ code: "CORRUPT_MESSAGE" });
  expect(await history.length()).toBe(0);
  await client.del(lease);
  await client.set(waiting, "another application's");
  await expect(take(history)).rejects.toMatchObject({ code: "CORRUPT_MESSAGE" });
  expect(await client.exists(lease)).toBe(0);
  await client.del(waiting);
});
