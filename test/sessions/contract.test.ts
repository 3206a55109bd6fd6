import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ConversationChangedError,
  ConversationNotFoundError,
  InvalidOptionError,
  InvalidTokenError,
  OperationConflictError,
  type Session,
  SessionLimitError,
  SessionMismatchError,
  SessionStore,
  type SessionStoreOptions,
} from "langchain-redis-sessions";
import { type Client, allTopologies } from "../support/topologies.js";
import { freshId, texts, turn } from "../support/turns.js";

/** A value as it is on the other side of a queue. */
function asJson<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}

describe.each(allTopologies)("sessions on $name", ({ connect }) => {
  let client: Client;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await client.quit();
  });

  const store = (options: Partial<SessionStoreOptions> = {}): SessionStore => new SessionStore({ client, ...options });
  const init = (userId = freshId()) => ({ userId, agentId: "support" });
  const gone = (reason?: string) => ({ code: "SESSION_NOT_FOUND", reason });
  /** Moves a session's last activity back, as if so much time had passed. */
  const age = async (id: string, milliseconds: number): Promise<void> => {
    const key = await recordKey(id);
    await client.hincrby(key, "activeAt", -milliseconds);
    await client.hincrby(key, "until", -milliseconds);
  };
  const recordKey = async (id: string): Promise<string> => {
    const nodes = "nodes" in client ? client.nodes("master") : [client];
    const keys = (await Promise.all(nodes.map((node) => node.keys(`*:session:${id}`)))).flat();
    return keys[0] ?? expect.unreachable();
  };

  test("a token opens the session that was created", async () => {
    const sessions = store();
    const userId = freshId();
    const { token, session, ended } = await sessions.create({
      userId,
      orgId: "acme",
      agentId: "support",
      ipAddress: "192.0.2.7",
      userAgent: "Browser 1",
      metadata: { theme: "dark", tags: ["a"], nothing: null, __proto__: undefined },
    });
    expect(ended).toEqual([]);
    expect(token).toMatch(/^lrs_[\w-]{87}$/);
    expect(JSON.stringify(session)).not.toContain(token.slice(42, 85));
    expect(asJson(session)).toEqual({
      ...session,
      startedAt: session.startedAt.toISOString(),
      lastActivityAt: session.lastActivityAt.toISOString(),
      expiresAt: session.expiresAt.toISOString(),
    });
    expect(await sessions.history(asJson(session)).getMessages(), "a session that came through a queue").toEqual([]);
    expect(session).toMatchObject({
      userId,
      orgId: "acme",
      agentId: "support",
      ipAddress: "192.0.2.7",
      userAgent: "Browser 1",
      isActive: true,
      messageCount: 0,
      toolCallCount: 0,
      metadata: { theme: "dark", tags: ["a"] },
    });
    expect(session.expiresAt.getTime() - session.startedAt.getTime()).toBe(4 * 3_600_000);
    const verified = await sessions.verify(token, { userId, orgId: "acme", agentId: "support" });
    expect(verified).toEqual({ ...session, lastActivityAt: verified.lastActivityAt, expiresAt: verified.expiresAt });
  });

  test("a session is refused for another user, organisation or agent, and is not extended by the attempt", async () => {
    const sessions = store();
    const userId = freshId();
    const { token, session } = await sessions.create({ userId, orgId: "acme", agentId: "support" });
    await age(session.id, 60_000);
    for (const expected of [
      { userId: "other" },
      { orgId: "other" },
      { agentId: "other" },
      { userId, orgId: "other" },
    ]) {
      await expect(sessions.verify(token, expected)).rejects.toThrow(SessionMismatchError);
    }
    const [listed] = await sessions.list({ userId, orgId: "acme" });
    expect(listed?.lastActivityAt.getTime()).toBe(session.lastActivityAt.getTime() - 60_000);
    await sessions.endAll({ userId, orgId: "acme" });
    await expect(sessions.verify(token, { userId: "other" })).rejects.toThrow(SessionMismatchError);
    await expect(sessions.verify(token, { userId })).rejects.toMatchObject(gone("ended"));
  });

  test("an expectation whose value is undefined lets nobody in", async () => {
    const sessions = store();
    const userId = freshId();
    const { token } = await sessions.create({ userId, orgId: "acme", agentId: "support" });
    for (const expected of [{ userId: undefined }, { agentId: undefined }, { userID: "ada" }]) {
      await expect(sessions.verify(token, expected as never)).rejects.toThrow(InvalidOptionError);
    }
    await expect(sessions.verify(token, { userId, orgId: undefined })).rejects.toThrow(SessionMismatchError);
    const alone = await sessions.create({ userId, agentId: "support" });
    await sessions.verify(alone.token, { userId, orgId: undefined });
    await sessions.verify(alone.token, { userId });
    await sessions.endAll({ userId, orgId: "acme" });
    await sessions.endAll({ userId });
  });

  test("a session object that this store did not make is refused, and nothing is written", async () => {
    const sessions = store();
    const user = init();
    const { session } = await sessions.create(user);
    for (const change of [{ id: "" }, { id: "x" }, { conversationId: "my chat" }, { conversationId: undefined }]) {
      const forged = { ...session, ...change } as Session;
      expect(() => sessions.history(forged)).toThrow(InvalidOptionError);
      expect(() => sessions.signal(forged)).toThrow(InvalidOptionError);
      await expect(sessions.update(forged, { metadata: { a: 1 } })).rejects.toThrow(InvalidOptionError);
      if ("id" in change) await expect(sessions.endAll(user, { except: forged })).rejects.toThrow(InvalidOptionError);
    }
    const { session: other } = await sessions.create({ ...user, agentId: "other" });
    await sessions.history(other).addMessages(turn("private"));
    const crossed = sessions.history({ ...session, conversationId: other.conversationId });
    await expect(crossed.addMessages(turn("x"))).rejects.toThrow(ConversationNotFoundError);
    expect(await sessions.conversations.messages(user, other.conversationId)).toHaveLength(2);
    await expect(sessions.update(session, {} as never)).rejects.toThrow(InvalidOptionError);
    await expect(sessions.update(session, { metadata: ["a"] as never })).rejects.toThrow(InvalidOptionError);
    for (const page of [null, { limit: 0 }, { limti: 5 }, { before: {} }]) {
      await expect(sessions.conversations.list(user, page as never)).rejects.toThrow(InvalidOptionError);
    }
    expect(() => new SessionStore(undefined as never)).toThrow(InvalidOptionError);
  });

  test("a repeated create hands out no token once its session is over", async () => {
    const sessions = store({ maxSessionsPerUser: 1 });
    const user = init();
    await sessions.create(user, { operationId: "a" });
    await sessions.endAll(user);
    await expect(sessions.create(user, { operationId: "a" })).rejects.toMatchObject(gone("ended"));
    await sessions.create(user, { operationId: "b" });
    await sessions.create(user);
    await expect(sessions.create(user, { operationId: "b" })).rejects.toMatchObject(gone("evicted"));
  });

  test("a repeated create leaves only its latest token valid, and the holder of an earlier one is told why", async () => {
    const sessions = store();
    const user = init();
    const first = await sessions.create(user, { operationId: "a" });
    const second = await sessions.create(user, { operationId: "a" });
    await expect(sessions.verify(first.token)).rejects.toMatchObject(gone("rotated"));
    await sessions.verify(second.token);
  });

  test("strict address binding refuses any other address, and none", async () => {
    const sessions = store({ addressBinding: "strict" });
    await expect(sessions.create(init())).rejects.toThrow(InvalidOptionError);
    const { token } = await sessions.create({ ...init(), ipAddress: "192.0.2.7" });
    await sessions.verify(token, { ipAddress: "192.0.2.7" });
    await expect(sessions.verify(token, { ipAddress: "192.0.2.8" })).rejects.toThrow(SessionMismatchError);
    await expect(sessions.verify(token)).rejects.toThrow(SessionMismatchError);
    await store().verify(token, { ipAddress: "192.0.2.8" });
  });

  test("the limit ends exactly the oldest sessions and returns their ids", async () => {
    const sessions = store({ maxSessionsPerUser: 2 });
    const user = init();
    const made = [];
    for (let index = 0; index < 4; index++) made.push(await sessions.create(user));
    const ids = made.map(({ session }) => session.id);
    expect(made.map(({ ended }) => ended)).toEqual([[], [], [ids[0]], [ids[1]]]);
    expect((await sessions.list(user)).map(({ id }) => id)).toEqual(ids.slice(2));
    await expect(sessions.verify(made[0]?.token ?? "")).rejects.toMatchObject(gone("evicted"));
  });

  test('at the limit, "reject" creates nothing', async () => {
    const sessions = store({ maxSessionsPerUser: 1, atLimit: "reject" });
    const user = init();
    const { token, session } = await sessions.create(user);
    await expect(sessions.create(user)).rejects.toThrow(SessionLimitError);
    expect((await sessions.list(user)).map(({ id }) => id)).toEqual([session.id]);
    await sessions.end(token);
    await sessions.create(user);
  });

  test("64 creates at once leave exactly the limit", async () => {
    const sessions = store({ maxSessionsPerUser: 5 });
    const user = init();
    const made = await Promise.all(Array.from({ length: 64 }, () => sessions.create(user)));
    const live = (await sessions.list(user)).map(({ id }) => id);
    expect(live).toHaveLength(5);
    const ended = made.flatMap((one) => one.ended);
    expect(ended).toHaveLength(59);
    expect(new Set([...ended, ...live]).size).toBe(64);
  });

  test("a create that is repeated is done once, and its token works", async () => {
    const sessions = store({ maxSessionsPerUser: 2 });
    const user = init();
    const oldest = await sessions.create(user);
    await sessions.create(user);
    const first = await sessions.create(user, { operationId: "a" });
    const again = await sessions.create(user, { operationId: "a" });
    expect(again.session.id).toBe(first.session.id);
    expect(again.ended).toEqual([oldest.session.id]);
    expect(await sessions.list(user)).toHaveLength(2);
    expect((await sessions.verify(again.token)).id).toBe(first.session.id);
    await expect(sessions.create({ ...user, agentId: "x" }, { operationId: "a" })).rejects.toThrow(
      OperationConflictError,
    );
  });

  test("idle and absolute timeouts hold, and activity slides the idle one only", async () => {
    const sessions = store({ idleTimeout: "10m", lifetime: "1h" });
    const user = init();
    const { token, session } = await sessions.create(user);
    await age(session.id, 9 * 60_000);
    const verified = await sessions.verify(token);
    expect(verified.expiresAt.getTime() - verified.lastActivityAt.getTime()).toBe(10 * 60_000);
    for (let passed = 18; passed < 54; passed += 9) {
      await age(session.id, 9 * 60_000);
      await sessions.verify(token);
    }
    await age(session.id, 9 * 60_000);
    const last = await sessions.verify(token);
    expect(last.expiresAt.getTime() - last.lastActivityAt.getTime()).toBeLessThan(7 * 60_000);
    await age(session.id, 7 * 60_000);
    await expect(sessions.verify(token)).rejects.toMatchObject(gone("expired"));
    expect(await sessions.list(user)).toEqual([]);
  });

  test("an idle timeout beyond the lifetime is refused: milliseconds taken for seconds", () => {
    expect(() => store({ idleTimeout: 30 * 60_000, lifetime: "7d" })).toThrow(/idleTimeout: use at most lifetime/);
    expect(() => store({ idleTimeout: "8d" })).toThrow(InvalidOptionError);
    expect(() => store({ lifetime: "1h" })).not.toThrow();
    expect(() => store({ idleTimeout: "7d" })).not.toThrow();
  });

  test("a session keeps the timeouts it was created with", async () => {
    const user = init();
    const { token, session } = await store({ idleTimeout: "10m" }).create(user);
    const verified = await store({ idleTimeout: "1h" }).verify(token);
    expect(verified.expiresAt.getTime() - verified.lastActivityAt.getTime()).toBe(600_000);
    expect(session.id).toBe(verified.id);
  });

  test("a rotation replaces the token at once; what is under way goes on", async () => {
    const sessions = store();
    const user = init();
    const { token, session } = await sessions.create(user);
    const history = sessions.history(session);
    await history.getMessages();
    const rotated = await sessions.rotate(token);
    expect(rotated.session.id).toBe(session.id);
    await expect(sessions.verify(token)).rejects.toMatchObject(gone("rotated"));
    await expect(sessions.rotate(token)).rejects.toMatchObject(gone("rotated"));
    expect(await sessions.end(token)).toBe(false);
    await history.addMessages(turn("in flight"));
    expect((await sessions.verify(rotated.token)).messageCount).toBe(2);
    const again = await sessions.rotate(rotated.token, { operationId: "a" });
    const repeated = await sessions.rotate(rotated.token, { operationId: "a" });
    await sessions.verify(repeated.token);
    await expect(sessions.verify(again.token)).rejects.toMatchObject(gone());
  });

  test("metadata is merged under concurrency, and null removes", async () => {
    const sessions = store();
    const { session } = await sessions.create({ ...init(), metadata: { keep: 1, drop: 2 } });
    await Promise.all(
      Array.from({ length: 32 }, (_, index) => sessions.update(session, { metadata: { [`k${index}`]: { index } } })),
    );
    const updated = await sessions.update(session, {
      metadata: { drop: null, __proto__: undefined, constructor: "c" },
    });
    expect(Object.keys(updated.metadata)).toHaveLength(34);
    expect(updated.metadata).toMatchObject({ keep: 1, k31: { index: 31 }, constructor: "c" });
    await sessions.update(session, { metadata: { keep: 5 } }, { operationId: "a" });
    await sessions.update(session, { metadata: { keep: 6 } });
    expect((await sessions.update(session, { metadata: { keep: 5 } }, { operationId: "a" })).metadata["keep"]).toBe(6);
    const hostile = JSON.parse('{"__proto__":{"admin":true},"a":1}') as Record<string, unknown>;
    const { session: inert } = await sessions.create({ ...init(), metadata: hostile });
    expect(Object.keys(inert.metadata).toSorted()).toEqual(["__proto__", "a"]);
    expect(Reflect.get({ ...inert.metadata }, "admin")).toBeUndefined();
    for (const value of [() => {}, new Date(), Number.NaN, 1n, new Map()]) {
      await expect(sessions.update(session, { metadata: { value } })).rejects.toThrow(InvalidOptionError);
    }
  });

  test("sessions can be ended one by one, by id, all but one, and all at once", async () => {
    const sessions = store();
    const user = init();
    const create = (): ReturnType<SessionStore["create"]> => sessions.create(user);
    const [a, b, c, d] = [await create(), await create(), await create(), await create()];
    expect(await sessions.end(a.token)).toBe(true);
    expect(await sessions.end(a.token)).toBe(false);
    expect(await sessions.endById({ userId: "someone else" }, b.session.id)).toBe(false);
    expect(await sessions.endById(user, b.session.id, { operationId: "e" })).toBe(true);
    expect(await sessions.endById(user, b.session.id, { operationId: "e" })).toBe(true);
    expect(await sessions.endAll(user, { except: c.session })).toBe(1);
    expect((await sessions.list(user)).map(({ id }) => id)).toEqual([c.session.id]);
    expect(await sessions.endAll(user)).toBe(1);
    for (const { token } of [a, b, c, d]) await expect(sessions.verify(token)).rejects.toMatchObject(gone("ended"));
  });

  test("a repeated endAll does not end what was opened since", async () => {
    const sessions = store();
    const user = init();
    await sessions.create(user);
    expect(await sessions.endAll(user, { operationId: "a" })).toBe(1);
    const { token } = await sessions.create(user);
    expect(await sessions.endAll(user, { operationId: "a" })).toBe(1);
    await sessions.verify(token);
  });

  test("a history is refused once its session has ended, and counts until then", async () => {
    const sessions = store();
    const user = init();
    const { token, session } = await sessions.create(user);
    const history = sessions.history(session);
    const call = { id: "1", name: "t", args: {}, type: "tool_call" as const };
    await history.addMessages([
      new HumanMessage("hi"),
      new AIMessage({ content: "", tool_calls: [call, { ...call, id: "2" }] }),
    ]);
    expect(texts(await history.getMessages())).toEqual(["hi", ""]);
    expect(await history.length()).toBe(2);
    expect(await sessions.verify(token)).toMatchObject({ messageCount: 2, toolCallCount: 2 });
    await sessions.end(token);
    for (const work of [
      () => history.addMessages(turn("late")),
      () => history.getMessages(),
      () => history.clear(),
      () => history.length(),
      () => sessions.update(session, { metadata: {} }),
      () => sessions.openConversation(session),
    ]) {
      await expect(work()).rejects.toMatchObject(gone("ended"));
    }
    expect(await sessions.conversations.messages(user, session.conversationId)).toHaveLength(2);
  });

  test.each(["activeAt", "idle", "until"])("a session whose record lost its %s is none", async (field) => {
    const sessions = store();
    const { token, session } = await sessions.create(init());
    await client.hdel(await recordKey(session.id), field);
    await expect(sessions.verify(token)).rejects.toMatchObject(gone());
    await expect(sessions.history(session).addMessages(turn("late"))).rejects.toMatchObject(gone());
  });

  test("a conversation outlives its session and is continued only by its owner and agent", async () => {
    const sessions = store();
    const user = init();
    const { token, session } = await sessions.create(user);
    await expect(sessions.create({ ...user, conversationId: session.conversationId })).rejects.toThrow(
      ConversationNotFoundError,
    );
    await sessions.history(session).addMessages(turn("one"));
    await sessions.end(token);
    const { session: next } = await sessions.create({ ...user, conversationId: session.conversationId });
    expect(texts(await sessions.history(next).getMessages())).toEqual(["one", "re: one"]);
    for (const stranger of [
      { ...user, userId: freshId() },
      { ...user, orgId: "acme" },
      { ...user, agentId: "other" },
    ]) {
      const work = sessions.create({ ...stranger, conversationId: session.conversationId });
      await expect(work).rejects.toThrow(ConversationNotFoundError);
    }
    await expect(sessions.openConversation(next, "unknown")).rejects.toThrow(ConversationNotFoundError);
  });

  test("openConversation moves the session; a turn in flight lands where it began", async () => {
    const sessions = store();
    const user = init();
    const { session } = await sessions.create(user);
    const inFlight = sessions.history(session);
    await inFlight.addMessages(turn("one"));
    const moved = await sessions.openConversation(session);
    expect(moved.conversationId).not.toBe(session.conversationId);
    await inFlight.addMessages(turn("two"));
    await sessions.history(moved).addMessages(turn("elsewhere"));
    expect(await sessions.conversations.messages(user, session.conversationId)).toHaveLength(4);
    const back = await sessions.openConversation(moved, session.conversationId);
    expect(texts(await sessions.history(back).getMessages())).toEqual(["one", "re: one", "two", "re: two"]);
  });

  test("conversations are paged, most recent first, with titles and counts", async () => {
    const sessions = store();
    const user = init();
    let { session } = await sessions.create(user);
    const ids: string[] = [];
    for (let index = 0; index < 7; index++) {
      await sessions.history(session).addMessages(turn(String(index)));
      ids.unshift(session.conversationId);
      session = await sessions.openConversation(session);
    }
    await sessions.conversations.rename(user, ids[0] ?? "", "Latest");
    const first = await sessions.conversations.list(user, { limit: 3 });
    expect(first.map(({ id }) => id)).toEqual(ids.slice(0, 3));
    expect(first[0]).toMatchObject({ title: "Latest", messageCount: 2, agentId: "support" });
    expect(asJson(first[0])).toEqual({
      ...first[0],
      createdAt: first[0]?.createdAt.toISOString(),
      lastActivityAt: first[0]?.lastActivityAt.toISOString(),
    });
    const rest: string[] = [];
    let before = first.at(-1);
    while (before) {
      const page = await sessions.conversations.list(user, { limit: 3, before: asJson(before) });
      rest.push(...page.map(({ id }) => id));
      before = page.at(-1);
    }
    expect(rest).toEqual(ids.slice(3));
    expect(await sessions.conversations.list({ userId: freshId() })).toEqual([]);
    // One of them by its id is the same, whatever page it is on.
    const all = await sessions.conversations.list(user);
    for (const one of all) expect(await sessions.conversations.get(user, one.id)).toEqual(one);
    for (const [owner, id] of [
      [{ userId: freshId() }, ids[0] ?? ""],
      [user, session.conversationId],
      [user, freshId()],
    ] as const) {
      await expect(sessions.conversations.get(owner, id)).rejects.toThrow(ConversationNotFoundError);
    }
    await sessions.conversations.delete(user, ids[0] ?? "");
    await expect(sessions.conversations.get(user, ids[0] ?? "")).rejects.toThrow(ConversationNotFoundError);
  });

  test("messages are paged backwards with index and time", async () => {
    const sessions = store();
    const user = init();
    const { session } = await sessions.create(user);
    await sessions
      .history(session)
      .addMessages(Array.from({ length: 7 }, (_, index) => new HumanMessage(String(index))));
    const last = await sessions.conversations.messages(user, session.conversationId, { limit: 3 });
    expect(last.map(({ index, message }) => [index, message.text])).toEqual([
      [4, "4"],
      [5, "5"],
      [6, "6"],
    ]);
    expect(Math.abs((last[0]?.at.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    const earlier = await sessions.conversations.messages(user, session.conversationId, { limit: 3, before: 4 });
    expect(earlier.map(({ index }) => index)).toEqual([1, 2, 3]);
    expect(
      (await sessions.conversations.messages(user, session.conversationId, { before: 1 })).map(({ index }) => index),
    ).toEqual([0]);
    expect(await sessions.conversations.messages(user, session.conversationId, { before: 0 })).toEqual([]);
    const beyond = await sessions.conversations.messages(user, session.conversationId, { limit: 2, before: 80 });
    expect(beyond.map(({ index }) => index)).toEqual([5, 6]);
    await expect(sessions.conversations.messages({ userId: "other" }, session.conversationId)).rejects.toThrow(
      ConversationNotFoundError,
    );
    await expect(sessions.conversations.messages(user, session.conversationId, { limit: 0 })).rejects.toThrow(
      InvalidOptionError,
    );
  });

  test("a deleted or cleared conversation is not written back by a turn in flight", async () => {
    const sessions = store();
    const user = init();
    const { session } = await sessions.create(user);
    for (const remove of [
      () => sessions.conversations.delete(user, session.conversationId),
      () => sessions.history(session).clear(),
    ]) {
      await sessions.history(session).addMessages(turn("old"));
      const inFlight = sessions.history(session);
      await inFlight.getMessages();
      await remove();
      await expect(inFlight.addMessages(turn("late"))).rejects.toThrow(ConversationChangedError);
      expect(await sessions.conversations.list(user)).toEqual([]);
      await expect(sessions.conversations.messages(user, session.conversationId)).rejects.toThrow(
        ConversationNotFoundError,
      );
      await inFlight.getMessages();
      await inFlight.addMessages(turn("anew"));
      expect(texts(await sessions.history(session).getMessages())).toEqual(["anew", "re: anew"]);
    }
  });

  test("erasing a user ends every session at once and leaves nothing of theirs", async () => {
    const sessions = store();
    const user = init();
    const other = await sessions.create(init());
    const made = await Promise.all([1, 2, 3].map(() => sessions.create(user)));
    for (const { session } of made) await sessions.history(session).addMessages(turn("x"));
    expect(await sessions.eraseUser(user)).toEqual({
      sessions: 3,
      conversations: 3,
      memories: 0,
      threads: 0,
      items: 0,
    });
    expect(await sessions.eraseUser(user)).toEqual({
      sessions: 0,
      conversations: 0,
      memories: 0,
      threads: 0,
      items: 0,
    });
    for (const { token, session } of made) {
      await expect(sessions.verify(token)).rejects.toMatchObject(gone());
      await expect(sessions.history(session).addMessages(turn("late"))).rejects.toMatchObject(gone());
    }
    const nodes = "nodes" in client ? client.nodes("master") : [client];
    const tag = made[0]?.token.slice(4, 20) ?? "";
    const left = (await Promise.all(nodes.map((node) => node.keys(`*{${tag}}*`)))).flat();
    // Of each conversation a mark, which keeps turns in flight from coming back.
    const marks = left.filter((key) => !/:operation:|:not-before$|:data-key$/.test(key));
    const ids = made.map(({ session }) => session.conversationId);
    expect(new Set(marks.map((key) => key.split(":conversation:")[1]))).toEqual(new Set(ids));
    for (const key of marks) {
      expect(await client.hkeys(key)).toEqual(["generation"]);
      expect(await client.pttl(key)).toBeGreaterThan(0);
      expect(await client.pttl(key)).toBeLessThanOrEqual(86_400_000);
    }
    // And one that sign-ins from before are not good any more.
    const notBefore = left.filter((key) => key.endsWith(":not-before"));
    expect(await Promise.all(notBefore.map((key) => client.get(key)))).toEqual([expect.stringMatching(/^\d{13} $/)]);
    await sessions.verify(other.token);
  });

  test("no key of a user is without an expiry", async () => {
    const sessions = store();
    const user = init();
    const { token, session } = await sessions.create({ ...user, metadata: { a: 1 } });
    await sessions.history(session).addMessages(turn("x"));
    await sessions.update(session, { metadata: { b: 2 } });
    await sessions.history(await sessions.openConversation(session)).addMessages(turn("y"));
    await sessions.conversations.delete(user, session.conversationId);
    await sessions.rotate(token);
    await sessions.create(user);
    await sessions.endById(user, session.id);
    const nodes = "nodes" in client ? client.nodes("master") : [client];
    let seen = 0;
    for (const node of nodes) {
      for (const key of await node.keys(`*{${token.slice(4, 20)}}*`)) {
        seen += 1;
        expect(await node.pttl(key), key).toBeGreaterThan(0);
      }
    }
    expect(seen).toBeGreaterThan(6);
  });

  test("a signal fires when the session ends elsewhere, is evicted, or had ended before", async () => {
    const here = store({ maxSessionsPerUser: 1 });
    const user = init();
    const { session } = await here.create(user);
    const signal = here.signal(session);
    expect(here.signal(session)).toBe(signal);
    const aborted = new Promise((resolve) => {
      signal.addEventListener("abort", resolve);
    });
    const { token, session: next } = await store({ maxSessionsPerUser: 1 }).create(user);
    await aborted;
    expect(signal.reason).toMatchObject(gone("evicted"));
    await store().end(token);
    const late = here.signal(next);
    await expect.poll(() => late.aborted, { timeout: 5_000 }).toBe(true);
    await here.close();
  });

  test("a text that is not a token costs no call, and a forged token opens nothing", async () => {
    const sessions = store();
    const { token, session } = await sessions.create(init());
    for (const bad of ["", "x", session.id, token.slice(1), `${token}x`, token.toUpperCase(), undefined as never]) {
      await expect(sessions.verify(bad)).rejects.toThrow(InvalidTokenError);
    }
  });
});
