// P9 for sessions: whoever is not the owner reads nothing and changes nothing, whatever they call.
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import {
  ConversationNotFoundError,
  InvalidOptionError,
  type Session,
  SessionMismatchError,
  SessionNotFoundError,
  SessionStore,
} from "langchain-redis-sessions";
import { freshId, texts, turn } from "../support/turns.js";
import { removeKeys } from "./support/stored-keys.js";

interface Identity {
  readonly userId: string;
  readonly orgId?: string | undefined;
  readonly agentId: string;
}

let client: Redis;
let sessions: SessionStore;
beforeAll(() => {
  client = new Redis({ ...inject("servers").single });
  sessions = new SessionStore({ client, keyPrefix: freshId() });
});
afterAll(async () => {
  await client.quit();
});

/** All that is stored of the owner of this token, byte by byte, and until when. */
async function stored(token: string): Promise<Record<string, string>> {
  const keys = (await client.keys(`*{${token.slice(4, 20)}}*`)).toSorted();
  const values = await Promise.all(
    keys.map(async (key) => `${await client.pexpiretime(key)} ${(await client.dumpBuffer(key)).toString("base64")}`),
  );
  return Object.fromEntries(keys.map((key, index) => [key, values[index] ?? ""]));
}

const told = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (result) => result,
    (error: unknown) => {
      if (error instanceof SessionNotFoundError) return `no such session${error.reason ?? ""}`;
      if (error instanceof ConversationNotFoundError) return "no such conversation";
      return error instanceof SessionMismatchError ? "mismatch" : error;
    },
  );

const victim = { userId: freshId(), orgId: "acme", agentId: "support" };
const strangers: Identity[] = [victim.userId, freshId(), victim.userId.toUpperCase()].flatMap((userId) =>
  [victim.orgId, "other", "ACME", undefined].flatMap((orgId) =>
    [victim.agentId, "other"].map((agentId) => ({ userId, orgId, agentId })),
  ),
);
const otherOwners = strangers.filter(({ userId, orgId }) => userId !== victim.userId || orgId !== victim.orgId);
const nameOf = ({ userId, orgId, agentId }: Identity): string =>
  [
    userId === victim.userId ? "the user" : "another user",
    orgId === undefined ? "without organisation" : orgId === victim.orgId ? "of the organisation" : `of ${orgId}`,
    agentId === victim.agentId ? "with the agent" : "with another agent",
  ].join(" ");

describe("a session with a conversation, a title and messages", () => {
  let token: string;
  let session: Session;
  beforeAll(async () => {
    ({ token, session } = await sessions.create({ ...victim, metadata: { secret: "x" } }));
    await sessions.history(session).addMessages(turn("private"));
    await sessions.conversations.rename(victim, session.conversationId, "Private");
  });

  test.each(otherOwners.map((stranger) => [nameOf(stranger), stranger] as const))(
    "is neither read nor changed by %s, who knows every id of it",
    async (_name, stranger) => {
      const { conversationId } = session;
      const before = await stored(token);
      expect(Object.keys(before).length).toBeGreaterThan(4);

      // As an owner.
      expect(await sessions.list(stranger)).toEqual([]);
      expect(await sessions.conversations.list(stranger)).toEqual([]);
      expect(await sessions.endById(stranger, session.id)).toBe(false);
      expect(await sessions.endAll(stranger)).toBe(0);
      expect(await sessions.endAll(stranger, { except: session })).toBe(0);
      expect(await sessions.eraseUser(stranger)).toEqual({
        sessions: 0,
        conversations: 0,
        memories: 0,
        threads: 0,
        items: 0,
      });
      for (const work of [
        () => sessions.conversations.messages(stranger, conversationId),
        () => sessions.conversations.rename(stranger, conversationId, "Mine"),
        () => sessions.conversations.delete(stranger, conversationId),
        () => sessions.create({ ...stranger, conversationId }),
      ]) {
        expect(await told(work())).toBe("no such conversation");
      }

      // With a session object that was made up from the real one.
      const forged = { ...session, ...stranger };
      const history = sessions.history(forged);
      for (const work of [
        () => sessions.update(forged, { metadata: { stolen: true } }),
        () => sessions.openConversation(forged),
        () => sessions.openConversation(forged, conversationId),
        () => history.getMessages(),
        () => history.addMessages(turn("intruder")),
        () => history.length(),
        () => history.clear(),
      ]) {
        expect(await told(work())).toBe("no such session");
      }

      // With the token, in a place that expects somebody else.
      expect(await told(sessions.verify(token, { userId: stranger.userId, orgId: stranger.orgId ?? "none" }))).toBe(
        "mismatch",
      );

      // With a session of their own.
      const own = await sessions.create(stranger);
      expect(await told(sessions.openConversation(own.session, conversationId))).toBe("no such conversation");
      const aimed = sessions.history({ ...own.session, conversationId });
      expect(await aimed.getMessages()).toEqual([]);
      await aimed.addMessages(turn("intruder"));
      await aimed.clear();
      await sessions.eraseUser(stranger);

      expect(await stored(token)).toEqual(before);
    },
  );

  test.each(strangers.filter((one) => JSON.stringify(one) !== JSON.stringify(victim)).map((one) => [nameOf(one), one]))(
    "does not open, nor is it extended, where %s is expected",
    async (_name, { userId, orgId, agentId }) => {
      const before = await stored(token);
      expect(await told(sessions.verify(token, { userId, orgId: orgId ?? "-", agentId }))).toBe("mismatch");
      expect(await stored(token)).toEqual(before);
    },
  );

  test("control: its owner may do all of it", async () => {
    const before = await stored(token);
    expect(texts(await sessions.history(session).getMessages())).toEqual(["private", "re: private"]);
    expect(await sessions.list(victim)).toHaveLength(1);
    expect(await sessions.conversations.list(victim)).toHaveLength(1);
    expect(await sessions.conversations.messages(victim, session.conversationId)).toHaveLength(2);
    await sessions.verify(token, victim);
    await sessions.update(session, { metadata: { more: true } });
    expect(await stored(token)).not.toEqual(before);
  });
});

describe("two agents of one user", () => {
  const user = { userId: freshId(), orgId: "acme" };
  const setUp = async (): Promise<{ support: Session; sales: Session }> => {
    const { session: support } = await sessions.create({ ...user, agentId: "support" });
    const { session: sales } = await sessions.create({ ...user, agentId: "sales" });
    await sessions.history(support).addMessages(turn("for support"));
    await sessions.history(sales).addMessages(turn("for sales"));
    return { support, sales };
  };

  test("do not continue each other's conversations", async () => {
    const { support, sales } = await setUp();
    expect(await told(sessions.openConversation(support, sales.conversationId))).toBe("no such conversation");
    expect(await told(sessions.create({ ...user, agentId: "support", conversationId: sales.conversationId }))).toBe(
      "no such conversation",
    );
  });

  test("do not when the session object was made up to point at the other's", async () => {
    const { support, sales } = await setUp();
    const before = await sessions.conversations.messages(user, sales.conversationId);
    const aimed = sessions.history({ ...support, conversationId: sales.conversationId });
    for (const work of [
      () => aimed.getMessages(),
      () => aimed.length(),
      () => aimed.addMessages(turn("intruder")),
      () => aimed.clear(),
    ]) {
      expect(await told(work())).toBe("no such conversation");
    }
    expect(await sessions.conversations.messages(user, sales.conversationId)).toEqual(before);
    expect(await sessions.history({ ...sales, agentId: "support" }).length()).toBe(2);
  });

  test("do not when the session object was made up to name the other agent", async () => {
    const { support, sales } = await setUp();
    const forged = { ...support, agentId: "sales" };
    expect(await told(sessions.openConversation(forged, sales.conversationId))).toBe("no such conversation");
    await sessions.history(forged).addMessages(turn("under a wrong name"));
    const [conversation] = await sessions.conversations.list(user);
    expect(conversation).toMatchObject({ id: support.conversationId, agentId: "support" });
  });
});

/** Pairs of user and organisation that some way to spell or compare them would confuse. */
const lookAlikes: (readonly [userId: string, orgId: string | undefined])[] = [
  ["b:c", "a"],
  ["c", "a:b"],
  ["a", "b:c"],
  ["a:b", "c"],
  ["a", undefined],
  ["a", "a"],
  ["a", "-"],
  ["-|1:a", undefined],
  ["1:a", undefined],
  ["1:a|1:a", undefined],
  ["a", "undefined"],
  ["a", "null"],
  ["A", "a"],
  ["a", "A"],
  ["a ", "a"],
  [" a", "a"],
  ["a\0", "a"],
  ["a", "a\0"],
  ["é", "a"], // composed
  ["e\u0301", "a"], // decomposed: the same on a screen
  ["ﬁ", "a"],
  ["fi", "a"],
  ["а", "a"], // a Cyrillic letter
  ["a", "é"],
  ["a", "e\u0301"],
  ["a\u200B", "a"],
  ["__proto__", "a"],
  ["constructor", "a"],
];

test("pairs of user and organisation that look alike never meet", async () => {
  const suffix = freshId();
  const owners = lookAlikes.map(([userId, orgId]) => ({ userId: userId + suffix, orgId }));
  const reversed = lookAlikes.flatMap(([userId, orgId]) =>
    orgId === undefined ? [] : [{ userId, orgId: orgId + suffix }],
  );
  const all = [...owners, ...reversed];
  const made = [];
  for (const owner of all) {
    const { token, session } = await sessions.create({ ...owner, agentId: "support" });
    await sessions.history(session).addMessages(turn(session.id));
    made.push({ owner, token, session });
  }
  expect(new Set(made.map(({ token }) => token.slice(4, 20))).size).toBe(all.length);
  for (const { owner, session } of made) {
    expect((await sessions.list(owner)).map(({ id }) => id)).toEqual([session.id]);
    expect((await sessions.conversations.list(owner)).map(({ id }) => id)).toEqual([session.conversationId]);
  }
  for (const [index, { owner, token }] of made.entries()) {
    expect(await sessions.endAll(owner)).toBe(1);
    expect(await told(sessions.verify(token))).toBe("no such sessionended");
    const next = made[index + 1];
    if (next) await sessions.verify(next.token, { userId: next.owner.userId, orgId: next.owner.orgId });
  }
});

test("an organisation that is given is not empty, so none is never taken for one", async () => {
  const userId = freshId();
  const empty = { userId, orgId: "" };
  const { token, session } = await sessions.create({ userId, agentId: "support" });
  for (const work of [
    () => sessions.create({ ...empty, agentId: "support" }),
    () => sessions.create({ userId: "", agentId: "support" }),
    () => sessions.verify(token, { orgId: "" }),
    () => sessions.verify(token, { userId: "" }),
    () => sessions.list(empty),
    () => sessions.endAll(empty),
    () => sessions.endById(empty, session.id),
    () => sessions.endById({ userId }, ""),
    () => sessions.eraseUser({ userId: "" }),
    () => sessions.conversations.list(empty),
    () => sessions.conversations.messages(empty, session.conversationId),
    () => sessions.update({ ...session, orgId: "" }, { metadata: {} }),
    () => sessions.list({ userId: "\uD800" }),
    () => sessions.list(undefined as never),
    () => sessions.endAll({} as never),
    () => sessions.endAll({ userId: null } as never),
    () => sessions.endAll({ userId: [userId] } as never),
  ]) {
    await expect(work()).rejects.toThrow(InvalidOptionError);
  }
  expect(() => sessions.history({ ...session, userId: "" })).toThrow(InvalidOptionError);
  await sessions.verify(token, { userId });
});

/** As in isolation.test.ts: hash tags, separators, globs, escapes, line ends, look-alikes. */
const fragments = [
  "{", "}", "{}", "}{", ":", "::", "*", "?", "[a-z]", "\\", "\0", "\r\n", "\n", " ", "%", "%7D", "%257D", "a", "A",
  "sessions", ":session:", "}:sessions", "|", "1:a", "-", "chat:user:{a}:sessions", "../", "'", '"', "(", "!",
  "é", "e\u0301", "ﬁ", "名前", "😀", "\u202E", "\u200B", "\uFEFF", "__proto__", "constructor", "undefined", "$",
]; // prettier-ignore

test("500 hostile user ids keep to their own sessions and conversations", async () => {
  const ids = new Set<string>(fragments);
  let seed = 20_261_121;
  const next = (bound: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * bound);
  };
  while (ids.size < 500) {
    ids.add(Array.from({ length: 1 + next(5) }, () => fragments[next(fragments.length)]).join(""));
  }
  const keyPrefix = freshId();
  const store = new SessionStore({ client, keyPrefix });
  const made = await Promise.all(
    [...ids].map(async (userId) => {
      const { token, session } = await store.create({
        userId,
        orgId: "o",
        agentId: userId,
        metadata: { [`m:${userId}`]: 1 },
      });
      await store.history(session).addMessages(turn(userId), { operationId: userId });
      return { userId, owner: { userId, orgId: "o" }, token, session };
    }),
  );
  await Promise.all(
    made.map(async ({ userId, owner, session, token }) => {
      const [only, ...more] = await store.list(owner);
      expect(more).toEqual([]);
      expect(only).toMatchObject({ id: session.id, userId, agentId: userId, metadata: { [`m:${userId}`]: 1 } });
      const page = await store.conversations.messages(owner, session.conversationId);
      expect(page.map(({ message }) => message.text)).toEqual([userId, `re: ${userId}`]);
      await store.verify(token, { userId, agentId: userId });
    }),
  );
  const spelling = new RegExp(
    `^${keyPrefix}:user:\\{[\\w-]{16}\\}:(sessions|conversations|(session|conversation|messages):[\\w-]{22}|operation:[A-Za-z0-9\\-_.~%]+)$`,
  );
  const keys = await client.keys(`${keyPrefix}*`);
  expect(keys.length).toBeGreaterThan(500 * 6);
  expect(keys.filter((key) => !spelling.test(key))).toEqual([]);
  const half = made.filter((_, index) => index % 2 === 0);
  await Promise.all(half.map(({ owner }, index) => (index % 2 ? store.eraseUser(owner) : store.endAll(owner))));
  const live = await Promise.all(made.map(({ owner }) => store.list(owner)));
  expect(live.map((list) => list.length)).toEqual(made.map((_, index) => index % 2));
  await removeKeys(client, `${keyPrefix}:*`);
});
