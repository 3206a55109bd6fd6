// After a user was erased, nothing that is stored tells of them: every key and value of the server is looked at.
import { Redis } from "ioredis";
import { HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import {
  ConversationNotFoundError,
  type Owner,
  type Session,
  SessionMismatchError,
  SessionNotFoundError,
  SessionStore,
} from "langchain-redis-sessions";
import { RedisStore, SessionSaver } from "langchain-redis-sessions/langgraph";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { put, threadConfig } from "../langgraph/support/checkpoints.js";
import { freshId } from "../support/turns.js";
import { storedTexts } from "./support/stored-text.js";

let redis: RunningRedis;
let client: Redis;
let sessions: SessionStore;
beforeAll(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
  sessions = new SessionStore({ client });
});
afterAll(async () => {
  await sessions.close();
  await client.quit();
  await redis.stop();
});

/** All that is stored and holds one of the words. */
async function telling(...words: readonly string[]): Promise<string[]> {
  const texts = await storedTexts(client);
  return texts.filter((text) => words.some((word) => text.includes(word)));
}

const sums = [123_456_789, 111_111_100, -888_888_900] as const;

test("no id, text, title, key, value, sum or length of an erased user is left, also not in what was written a moment before", async () => {
  const user = { userId: "ada-lovelace", orgId: "analytical-engines" };
  const oldest = await sessions.create({ ...user, agentId: "support", userAgent: "of-hers" });
  const created = await sessions.create({
    ...user,
    agentId: "support",
    userAgent: "a-browser-of-hers",
    ipAddress: "192.0.2.77",
    metadata: { note: "a-note-of-hers" },
  });
  const { session } = await sessions.rotate(created.token);
  await sessions.history(session).addMessages([new HumanMessage("a-text-of-hers")]);
  await sessions.conversations.rename(session, session.conversationId, "a-title-of-hers");
  await sessions.update(session, { metadata: { more: "more-of-hers" } });
  await new RedisStore({ sessions, session }).put(["a-label-of-hers"], "a-key-of-hers", { a: "a-value-of-hers" });
  const memory = sessions.memory(session);
  await memory.set("a-key-of-hers", "a-value-of-hers");
  expect(await memory.increment("spent", sums[0], { operationId: "first" })).toBe(sums[0]);
  expect(await memory.increment("spent", sums[1] - sums[0], { operationId: "second" })).toBe(sums[1]);
  expect(await memory.increment("spent", sums[2] - sums[1], { operationId: "third" })).toBe(sums[2]);
  for (let count = 0; count < 37; count++) await memory.append("a-list-of-hers", "x", { operationId: `item-${count}` });
  // One that has ended, one that was pushed out, and one that expired: their records are in no index.
  await sessions.end((await sessions.create({ ...user, agentId: "support", userAgent: "of-hers" })).token);
  const few = new SessionStore({ client, maxSessionsPerUser: 3, idleTimeout: "1s" });
  await few.create({ ...user, agentId: "support", metadata: { of: "of-hers" } });
  const { ended } = await few.create({ ...user, agentId: "support", metadata: { of: "of-hers" } });
  expect(ended).toEqual([oldest.session.id]);
  await expect.poll(async () => (await sessions.list(user)).map(({ id }) => id)).toEqual([session.id]);
  const words = [
    "ada-lovelace",
    "analytical-engines",
    "a-label-of-hers",
    "of-hers",
    "192.0.2.77",
    ...sums.map((sum) => String(Math.abs(sum))),
  ];
  // They are found while they are there.
  for (const word of words.slice(0, 4)) expect(await telling(word)).not.toEqual([]);

  await sessions.eraseUser(user);
  expect(await telling(...words)).toEqual([]);
  // Of each append its length, 1 to 37, was known; one that is written out is found behind the digest.
  const lengths = (await storedTexts(client)).filter((text) => /operation:item-\d+","[\w-]{22} \d{1,2}"/.test(text));
  expect(lengths).toEqual([]);
  // What is left says when it goes.
  for (const key of await client.keys("*")) {
    expect(await client.pttl(key), key).toBeGreaterThan(0);
    expect(key, key).toMatch(
      /^chat:user:\{[\w-]{16}\}:(?:(?:operation|memory:support:operation|conversation|session):[\w-]+|not-before)$/,
    );
  }
});

describe("an erasure reaches what people wrote", () => {
  const title = "a-title-of-theirs";
  let owner: Owner;
  let session: Session;
  let keys: ReturnType<typeof ownerKeys>;
  beforeEach(async () => {
    owner = { userId: freshId() };
    ({ session } = await sessions.create({ ...owner, agentId: "support" }));
    keys = ownerKeys("chat", ownerTag(owner.userId, undefined));
  });

  const say = (one: Session, text: string): Promise<void> =>
    sessions.history(one).addMessages([new HumanMessage(text)]);
  const named = (): Promise<void> => sessions.conversations.rename(owner, session.conversationId, title);
  /** Writes a checkpoint of the session's thread, built on another one. */
  const write = (text: string, on = threadConfig(session.conversationId)): Promise<RunnableConfig> =>
    put(new SessionSaver({ sessions }), { on: { configurable: { ...on.configurable, session } }, values: { text } });

  // The conversation leaves the index, and no thread lists it.
  test.each<[how: string, leave: () => Promise<unknown>]>([
    [
      "a thread without messages is deleted",
      async () => {
        await write("first");
        await named();
        await new SessionSaver({ sessions }).deleteThread(session.conversationId, session);
      },
    ],
    [
      "somebody lists conversations, of which one has lost its messages",
      async () => {
        await say(session, "Hi");
        await named();
        await client.del(keys.messages(session.conversationId));
        expect(await sessions.conversations.list(owner)).toEqual([]);
      },
    ],
    [
      "somebody writes to another conversation long after one has lost its messages",
      async () => {
        await say(session, "Hi");
        await named();
        await client.del(keys.messages(session.conversationId));
        await client.zadd(keys.conversations, "1", session.conversationId);
        await say((await sessions.create({ ...owner, agentId: "support" })).session, "Hello");
      },
    ],
  ])("when %s", async (_, leave) => {
    await leave();
    expect(await client.zscore(keys.conversations, session.conversationId)).toBeNull();
    await expect(named()).rejects.toThrow(ConversationNotFoundError);
    await sessions.eraseUser(owner);
    expect(await telling(title)).toEqual([]);
  });

  test("when a thread is written long after the last message", async () => {
    await say(session, "a-text-of-theirs");
    await client.pexpire(keys.conversations, 60_000);
    const first = await write("first");
    expect(await client.pttl(keys.conversations)).toBeGreaterThanOrEqual(
      (await client.pttl(keys.messages(session.conversationId))) - 1,
    );
    // As of a version that did not renew the index.
    await client.del(keys.conversations);
    await write("second", first);
    expect(await sessions.conversations.list(owner)).toMatchObject([{ id: session.conversationId, messageCount: 1 }]);
    await new SessionSaver({ sessions }).deleteThread(session.conversationId, session);
    await sessions.eraseUser(owner);
    expect(await telling("a-text-of-theirs")).toEqual([]);
  });
});

test("only the holder of an ended session learns why it ended, though its record no longer names the user", async () => {
  const strict = new SessionStore({ client, addressBinding: "strict" });
  const right = { userId: "ending", orgId: "acme", agentId: "support", ipAddress: "192.0.2.7" };
  for (const orgId of [right.orgId, undefined]) {
    const init = { ...right, orgId };
    const { token, session } = await strict.create(init);
    const rotated = await strict.rotate(token);
    await strict.endById(init, session.id);
    await expect(strict.verify(rotated.token, init)).rejects.toMatchObject({ reason: "ended" });
    await expect(strict.verify(token, init)).rejects.toMatchObject({ reason: "rotated" });
    for (const wrong of [
      { userId: "another" },
      { orgId: "globex" },
      { agentId: "sales" },
      { ipAddress: "192.0.2.8" },
    ]) {
      await expect(strict.verify(rotated.token, { ...init, ...wrong })).rejects.toThrow(SessionMismatchError);
    }
  }
  // Of an organisation, and asked for without one.
  const { token, session } = await strict.create(right);
  await strict.endById(right, session.id);
  await expect(strict.verify(token, { ...right, orgId: undefined })).rejects.toThrow(SessionMismatchError);
  await strict.close();
});

test("a repeated write returns the number that its record holds in disguise", async () => {
  const { session } = await sessions.create({ userId: "repeating", agentId: "support" });
  const memory = sessions.memory(session);
  let sum = 0;
  for (const [at, by] of [0, 1, -1, 9_007_199_254_740_991, -9_007_199_254_740_991, -9_007_199_254_740_991].entries()) {
    sum += by;
    const options = { operationId: `by-${at}` };
    for (let attempt = 0; attempt < 3; attempt++) expect(await memory.increment("sum", by, options)).toBe(sum);
  }
  for (let length = 1; length <= 12; length++) {
    const options = { operationId: `append-${length}` };
    for (let attempt = 0; attempt < 2; attempt++) expect(await memory.append("list", "x", options)).toBe(length);
  }
  // The secret outlives the values: a repetition has the same reply when they are gone.
  await memory.clear();
  expect(await memory.increment("sum", 1, { operationId: "by-1" })).toBe(1);
  expect(await memory.append("list", "x", { operationId: "append-12" })).toBe(12);
  expect(await memory.has("sum")).toBe(false);
});

test("a write from before an erasure is refused when it is repeated, and is a new write in a new session", async () => {
  const user = { userId: "coming-back" };
  const { session } = await sessions.create({ ...user, agentId: "support" });
  const options = { operationId: "once" };
  expect(await sessions.memory(session).increment("count", 41, options)).toBe(41);
  await sessions.eraseUser(user);
  await expect(sessions.memory(session).increment("count", 41, options)).rejects.toThrow(SessionNotFoundError);
  const anew = await sessions.create({ ...user, agentId: "support" });
  const memory = sessions.memory(anew.session);
  expect(await memory.increment("count", 1)).toBe(1);
  expect(await memory.increment("count", 41, options)).toBe(42);
  expect(await memory.increment("count", 41, options)).toBe(42);
});
