import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RedisChatMessageHistory, ConversationBusyError } from "langchain-redis-sessions";
import { amount } from "../support/amount.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { freshId, texts, turn } from "../support/turns.js";
import {
  type LeasedConversation,
  ofASession,
  onItsOwn,
  store,
  take,
} from "../chat-history/support/leased-conversations.js";
import { Turn } from "../../src/turns/turn.js";
import type { TurnLease } from "../../src/turns/turn-lease.js";

const taken = { code: "CONVERSATION_BUSY", reason: "taken" };
const lost = { code: "CONVERSATION_BUSY", reason: "lost" };

describe.each(
  topologies.flatMap((topology) => [
    { ...topology, kind: "a history", make: onItsOwn },
    { ...topology, kind: "a session's conversation", make: ofASession },
  ]),
)("the turns of $kind on $name", ({ name, connect, make }) => {
  let client: Client;
  let other: Client;
  beforeAll(() => {
    client = connect();
    other = connect();
  });
  afterAll(async () => {
    await Promise.all([client.quit(), other.quit()]);
  });

  let conversation: LeasedConversation;
  let history: RedisChatMessageHistory;
  beforeEach(async () => {
    conversation = await make(client);
    history = conversation.open(client);
  });

  const inLine = (): Promise<number> => client.zcard(conversation.waiting);
  const untilInLine = async (howMany: number): Promise<void> => {
    // Sooner than a waiter is taken for dead: it has to leave by itself.
    await expect.poll(inLine, { interval: 2, timeout: 1_500 }).toBe(howMany);
  };
  /** Stands in line behind the turn that runs. */
  const waiter = async (options: Parameters<typeof take>[1] = {}): Promise<{ turn: Promise<TurnLease> }> => {
    const before = await inLine();
    const waiting = take(history, options);
    waiting.catch(() => {});
    await untilInLine(before + 1);
    return { turn: waiting };
  };

  test("run one at a time, in the order in which they asked, from any client", async () => {
    const first = await take(history);
    const order: number[] = [];
    const turns = [];
    let running = 0;
    const runTurn = async (own: RedisChatMessageHistory, index: number): Promise<void> => {
      const lease = await take(own);
      running += 1;
      expect(running).toBe(1);
      order.push(index);
      await own.length();
      running -= 1;
      await lease.release();
    };
    for (let index = 0; index < 12; index++) {
      turns.push(runTurn(conversation.open(index % 2 === 0 ? other : client), index));
      await untilInLine(index + 1);
    }
    expect(order).toEqual([]);
    await first.release();
    await Promise.all(turns);
    expect(order).toEqual([...turns.keys()]);
  });

  // Those far behind sleep for longest. How long that is does not depend on the topology.
  const many = name === onOneRedis.name ? 64 : amount(16, 64);
  test(`each come to run when ${many} ask at once`, async () => {
    const stored = await Promise.all(
      Array.from({ length: many }, async (_, index) => {
        const own = conversation.open(index % 2 === 0 ? client : other);
        const { token, stop } = await hold(own);
        // What was read cannot have changed until it is written.
        const before = await own.length();
        await store(own, turn(String(index)), { operationId: `${index}`, lease: { token, after: "release" } });
        stop();
        return before;
      }),
    );
    expect(stored.toSorted((one, another) => one - another)).toEqual(stored.map((_, index) => index * 2));
    expect(await client.exists(conversation.lease)).toBe(0);
    expect(await client.exists(conversation.waiting)).toBe(0);
  });

  const hold = async (own: RedisChatMessageHistory): Promise<{ token: string; stop: () => void }> => {
    const lease = await take(own);
    return { token: lease.token, stop: () => lease.stop() };
  };

  test("are refused at once on request, and then leave no trace", async () => {
    const running = await take(history);
    const refused = take(conversation.open(other), { concurrency: "reject" });
    await expect(refused).rejects.toMatchObject(taken);
    await expect(refused).rejects.toThrow(ConversationBusyError);
    expect(await inLine()).toBe(0);
    await running.release();
    const next = await take(history, { concurrency: "reject" });
    await next.release();
  });

  test("are refused on request while others wait, also when none is running", async () => {
    await client.zadd(conversation.waiting, Date.now() + 60_000, "0000000000000001:another turn");
    await expect(take(history, { concurrency: "reject" })).rejects.toMatchObject(taken);
    await client.del(conversation.waiting);
  });

  test("leave the line when they are aborted, and those behind go on", async () => {
    const running = await take(history);
    const controller = new AbortController();
    const impatient = await waiter({ signal: controller.signal });
    const patient = await waiter();
    const reason = new Error("the user has left");
    controller.abort(reason);
    await expect(impatient.turn).rejects.toBe(reason);
    await untilInLine(1);
    await running.release();
    await (await patient.turn).release();
  });

  test("do not begin when they were aborted before, and throw an error for any reason", async () => {
    const aborted = AbortSignal.abort("not an error");
    await expect(take(history, { signal: aborted })).rejects.toMatchObject({ name: "AbortError" });
    expect(await client.exists(conversation.lease)).toBe(0);
  });

  test("wait no longer than they want to, and those behind go on", async () => {
    const running = await take(history);
    const impatient = take(history, { waitForMilliseconds: 60 });
    await untilInLine(1);
    const patient = take(history);
    await expect(impatient).rejects.toMatchObject(taken);
    await untilInLine(1);
    await running.release();
    await (await patient).release();
  });

  test("pass over one in front that is not heard of any more, and no other", async () => {
    const running = await take(history);
    const gone = connect();
    await gone.ping();
    const vanishing = take(conversation.open(gone, { deadline: 0.2 }));
    vanishing.catch(() => {});
    await untilInLine(1);
    const [vanished = ""] = await client.zrange(conversation.waiting, 0, "-1");
    gone.disconnect();
    await expect(vanishing).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    const behind = await waiter();
    await client.zadd(conversation.waiting, Date.now() + 60_000, vanished);
    await running.release();
    // Its place is kept for as long as it is taken for alive.
    await expect(take(history, { waitForMilliseconds: 100 })).rejects.toMatchObject(taken);
    expect(await client.exists(conversation.lease)).toBe(0);
    await client.zadd(conversation.waiting, Date.now() - 60_000, vanished);
    await (await behind.turn).release();
  });

  test("keep their place when they were not heard of for a while", async () => {
    const running = await take(history);
    const order: string[] = [];
    const slow = await waiter();
    const behind = await waiter();
    const [entry = ""] = await client.zrange(conversation.waiting, 0, "-1");
    await client.zrem(conversation.waiting, entry);
    await untilInLine(2);
    await running.release();
    await Promise.all(
      [slow, behind].map(async (one, index) => {
        const lease = await one.turn;
        order.push(index === 0 ? "slow" : "behind");
        await lease.release();
      }),
    );
    expect(order).toEqual(["slow", "behind"]);
  });

  test("stand behind those in line also when the server's clock is behind theirs", async () => {
    await client.zadd(conversation.waiting, Date.now() + 60_000, "9000000000000000:another turn");
    await expect(take(history, { waitForMilliseconds: 1 })).rejects.toMatchObject(taken);
    await client.del(conversation.waiting);
  });

  test("go on within the lease when the one that ran is gone", async () => {
    const crashed = await take(history);
    crashed.stop();
    const next = await waiter();
    const left = await client.pttl(conversation.lease);
    expect(left).toBeGreaterThan(50_000);
    expect(left).toBeLessThanOrEqual(60_000);
    await client.pexpire(conversation.lease, 0);
    await (await next.turn).release();
  });

  test("are not stored once another turn took the conversation, whether it still runs or not", async () => {
    for (const after of ["keep", "release"] as const) {
      const late = await take(history);
      // It would take its lease again as soon as it listens.
      late.stop();
      await client.del(conversation.lease);
      const next = await take(conversation.open(other));
      const lease = { token: late.token, after };
      const append = (): Promise<void> => store(history, turn("late"), { operationId: freshId(), lease });
      await expect(append()).rejects.toMatchObject(lost);
      expect(await client.get(conversation.lease)).toBe(next.token);
      await late.release();
      expect(await client.get(conversation.lease)).toBe(next.token);
      await next.release();
      await expect(append()).rejects.toMatchObject(lost);
      expect(await client.exists(conversation.lease)).toBe(0);
    }
    expect(await history.length()).toBe(0);
  });

  test("are stored when their lease lapsed and no other turn took the conversation", async () => {
    const late = await take(history);
    await client.del(conversation.lease);
    const lease = { token: late.token, after: "keep" as const };
    await store(history, turn("one"), { operationId: freshId(), lease });
    await store(history, turn("two"), { operationId: freshId(), lease: { ...lease, after: "release" } });
    expect(texts(await history.getMessages())).toEqual(["one", "re: one", "two", "re: two"]);
    await expect(
      store(history, turn("three"), { operationId: freshId(), lease }),
      "it gave the conversation back",
    ).rejects.toMatchObject(lost);
    expect(await client.exists(conversation.holder)).toBe(0);
    late.stop();
  });

  test("give the conversation back with their last write, and not before", async () => {
    const running = await take(history);
    const { token } = running;
    await store(history, turn("one"), { operationId: "a", lease: { token, after: "keep" } });
    expect(await client.get(conversation.lease)).toBe(token);
    await store(history, turn("two"), { operationId: "b", lease: { token, after: "release" } });
    expect(await client.exists(conversation.lease)).toBe(0);
    // Repeated, it is answered as before, and does not touch what is another's by now.
    const next = await take(conversation.open(other));
    await store(history, turn("two"), { operationId: "b", lease: { token, after: "release" } });
    expect(await client.get(conversation.lease)).toBe(next.token);
    // Repeated by a later turn, it gives back that turn's lease.
    await store(history, turn("two"), { operationId: "b", lease: { token: next.token, after: "release" } });
    expect(await client.exists(conversation.lease)).toBe(0);
    expect(texts(await history.getMessages())).toEqual(["one", "re: one", "two", "re: two"]);
    running.stop();
    next.stop();
  });

  test("give the conversation back when there was nothing to store", async () => {
    const settings = { concurrency: "wait", leaseMilliseconds: 60_000, waitForMilliseconds: 0 } as const;
    const unheard = { onInterrupt: "keep", tellError: () => expect.unreachable() } as const;
    const running = await Turn.begin(history, { ...settings, ...unheard }, {});
    const nothing = { messages: () => [], output: undefined };
    await running.storeStep(nothing);
    expect(await client.get(conversation.lease)).toBe(running.lease);
    await running.store(nothing);
    expect(await client.exists(conversation.lease)).toBe(0);
  });

  test("do not keep out those that ask for no lease", async () => {
    const running = await take(history);
    await conversation.open(other).addMessages(turn("by the way"));
    expect(await client.get(conversation.lease)).toBe(running.token);
    expect(await history.length()).toBe(2);
    await running.release();
  });

  test("leave no key without an expiry, and none at all when they are over", async () => {
    const running = await take(history);
    const next = await waiter();
    for (const key of [conversation.lease, conversation.holder, conversation.waiting]) {
      expect(await client.pttl(key), key).toBeGreaterThan(0);
    }
    expect(await client.pttl(conversation.waiting)).toBeLessThanOrEqual(2_000);
    await running.release();
    const lease = await next.turn;
    expect(await client.exists(conversation.waiting)).toBe(0);
    await lease.release();
    expect(await client.exists(conversation.lease)).toBe(0);
    expect(await client.exists(conversation.holder)).toBe(0);
  });
});
