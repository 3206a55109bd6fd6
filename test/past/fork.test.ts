// P16: `fork` copies the beginning of a conversation to a new one, in one script.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sampleOf } from "../support/amount.js";
import { isSealed } from "../support/sealed.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { freshId, texts } from "../support/turns.js";
import { said } from "./support/conversations.js";
import { outcomeOf } from "./support/outcomes.js";
import { SessionPast } from "./support/session-past.js";

describe.each([onOneRedis, topologies[1] ?? onOneRedis])("fork on $name", ({ connect }) => {
  let client: Client;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await client.quit();
  });

  let past: SessionPast;
  beforeEach(async () => {
    past = await SessionPast.of(client, [
      ["Q: one", "first"],
      ["Q: two", "second"],
    ]);
  });
  const fork = (options: Parameters<typeof past.store.conversations.fork>[2] = {}) =>
    past.store.conversations.fork(past.session, past.id, options);
  const continued = async (conversationId: string) => {
    const { userId, agentId } = past.session;
    const { session } = await past.store.create({ userId, agentId, conversationId });
    return past.store.history(session);
  };

  test("copies messages and times; both go on, and neither sees the other", async () => {
    await past.store.conversations.rename(past.session, past.id, "Trip");
    const before = await past.messages();
    const all = await fork();
    const part = await fork({ before: await past.at("Q: two"), title: "Half" });
    expect(all).toMatchObject({ title: "Trip", forkedFrom: past.id, messageCount: 4, agentId: "support" });
    expect(part).toMatchObject({ title: "Half", forkedFrom: past.id, messageCount: 2 });
    const copied = await past.store.conversations.messages(past.session, all.id);
    expect(copied.map(({ message, at }) => [message, at])).toEqual(before.map(({ message, at }) => [message, at]));
    expect(copied.filter(({ position }) => before.some((one) => one.position === position))).toEqual([]);
    await (await continued(part.id)).addMessages(said("Q: in the fork", "answer").messages());
    await past.append("Q: here");
    expect(texts(await (await continued(part.id)).getMessages())).toEqual([
      "Q: one",
      "first",
      "Q: in the fork",
      "answer",
    ]);
    expect(await past.stored()).toEqual([...before.map(({ message }) => message.text), "Q: here"]);
    const listed = await past.store.conversations.list(past.session);
    expect(listed.map(({ id, forkedFrom }) => [id, forkedFrom])).toEqual([
      [past.id, undefined],
      [part.id, past.id],
      [all.id, past.id],
    ]);
  });

  test("shares the lineage with what it was made from, through forks of forks, and with no other conversation", async () => {
    const one = await fork();
    const another = await past.store.conversations.fork(past.session, one.id);
    const ids = [past.id, one.id, another.id];
    const lineages = await Promise.all(ids.map((id) => client.hget(past.keys.conversation(id), "lineage")));
    expect(new Set(lineages).size).toBe(1);
    expect(lineages[0]).toMatch(/^[\da-f]{24}$/u);
    expect(another.forkedFrom).toBe(one.id);
    const next = await past.store.openConversation(past.session);
    await past.store.history(next).addMessages(said("Q: Hi").messages());
    expect(await client.hget(past.keys.conversation(next.conversationId), "lineage")).not.toBe(lineages[0]);
  });

  test("takes the parts of an unfinished turn for ordinary messages, and fences nobody", async () => {
    const turn = await past.begin({ operationId: "one" });
    await turn.storeStep(said("Q: three"));
    const { id } = await fork();
    await turn.store(said("third"));
    expect(await past.stored()).toEqual(["Q: one", "first", "Q: two", "second", "Q: three", "third"]);
    expect(texts(await (await continued(id)).getMessages())).toEqual([
      "Q: one",
      "first",
      "Q: two",
      "second",
      "Q: three",
    ]);
    expect(await client.hmget(past.keys.conversation(id), "unfinished", "finished", "generation")).toEqual([
      null,
      null,
      null,
    ]);
  });

  test("repeated with its operation id is the same fork, and the id names nothing else", async () => {
    const options = { before: await past.at("Q: two"), title: "Half", operationId: "f" };
    const first = await fork(options);
    await past.append("Q: three");
    expect(await fork(options)).toEqual(first);
    expect(await past.store.conversations.list(past.session)).toHaveLength(2);
    expect(await outcomeOf(fork({ ...options, title: "Other" }))).toBe("OPERATION_CONFLICT");
    expect(await outcomeOf(fork({ operationId: "f" }))).toBe("OPERATION_CONFLICT");
    await client.del(past.keys.operation("f"));
    expect(await outcomeOf(fork(options))).toBe("OPERATION_CONFLICT");
    expect((await past.store.conversations.messages(past.session, first.id)).length).toBe(2);
  });

  test("repeated when the fork is deleted says that it is not there", async () => {
    const { id } = await fork({ operationId: "f" });
    await past.store.conversations.delete(past.session, id);
    const before = await past.dump();
    expect(await outcomeOf(fork({ operationId: "f" }))).toBe("CONVERSATION_NOT_FOUND");
    expect(Object.keys(await past.dump())).toEqual(Object.keys(before));
  });

  test("before the first message is refused, and so is a fork for another owner; nothing is changed", async () => {
    const before = await past.dump();
    expect(await outcomeOf(fork({ before: await past.at("Q: one") }))).toBe("INVALID_OPTION");
    const { userId } = past.session;
    for (const owner of [{ userId: freshId() }, { userId, orgId: "acme" }]) {
      expect(await outcomeOf(past.store.conversations.fork(owner, past.id))).toBe("CONVERSATION_NOT_FOUND");
    }
    expect(await past.dump()).toEqual(before);
  });

  test("belongs to the agent, and another agent cannot go on with it", async () => {
    const { id } = await fork();
    const create = past.store.create({ userId: past.session.userId, agentId: "sales", conversationId: id });
    expect(await outcomeOf(create)).toBe("CONVERSATION_NOT_FOUND");
  });

  test.each<[string, (one: SessionPast) => Promise<unknown>]>([
    ["eraseUser", ({ store, session }) => store.eraseUser(session)],
    ["delete", ({ store, session, id }) => store.conversations.delete(session, id)],
    ["clear", ({ store, session }) => store.history(session).clear()],
    ["the expiry", ({ keys, id }) => client.del(keys.messages(id), keys.conversation(id))],
    ["the eviction of its messages", ({ keys, id }) => client.del(keys.messages(id))],
    ["the eviction of its record", ({ keys, id }) => client.del(keys.conversation(id))],
  ])("is refused after %s, and nothing is changed", async (_what, end) => {
    await end(past);
    const before = await past.dump();
    expect(await outcomeOf(fork())).toBe("CONVERSATION_NOT_FOUND");
    expect(await past.dump()).toEqual(before);
  });

  test("is erased with its user, and expires by itself", async () => {
    const { id } = await fork();
    const keys = [past.keys.messages(id), past.keys.conversation(id)];
    for (const key of keys) expect(await client.pttl(key)).toBeGreaterThan(29 * 86_400_000);
    expect(await client.pttl(past.keys.conversations)).toBeGreaterThan(29 * 86_400_000);
    await past.store.eraseUser(past.session);
    expect(await client.exists(past.keys.messages(id))).toBe(0);
    expect(await client.hkeys(past.keys.conversation(id))).toEqual(["generation"]);
  });

  // What is compressed has fewer bytes.
  describe.skipIf(isSealed)("of the largest size", () => {
    const [MESSAGES, BYTES] = [10_000, 16_777_216];

    /** Stores so many messages of together so many bytes. */
    const fill = async (count: number, bytes: number): Promise<void> => {
      const [entry = ""] = await client.lrange(past.keys.messages(past.id), 0, 0);
      const lengthOf = (place: number): number => Math.floor(bytes / count) + (place < bytes % count ? 1 : 0);
      const entries = Array.from({ length: count }, (_, place) =>
        entry.replace("Q: one", "Q: one".padEnd(lengthOf(place) - entry.length + 6, "x")),
      );
      expect(entries.reduce((sum, one) => sum + one.length, 0)).toBe(bytes);
      await client.del(past.keys.messages(past.id));
      for (let from = 0; from < count; from += 1_000) {
        await client.rpush(past.keys.messages(past.id), ...entries.slice(from, from + 1_000));
      }
    };
    afterEach(async () => {
      await past.store.eraseUser(past.session);
    });

    test.each(
      sampleOf(
        { count: MESSAGES, bytes: BYTES },
        { count: MESSAGES, bytes: 1_000_000 },
        { count: 1_000, bytes: BYTES },
        { count: 16, bytes: BYTES },
      ),
    )("is made of $count messages with $bytes bytes", async ({ count, bytes }) => {
      await fill(count, bytes);
      const { id, messageCount } = await fork();
      expect(messageCount).toBe(count);
      const [original, copied] = [past.id, id].map((one) => past.keys.messages(one));
      expect(await client.lrange(copied ?? "", 0, -1)).toEqual(await client.lrange(original ?? "", 0, -1));
    });

    test.each([
      { count: MESSAGES + 1, bytes: 1_000_000 },
      ...sampleOf(
        { count: MESSAGES, bytes: BYTES + 1 },
        { count: 1_000, bytes: BYTES + 1 },
        { count: 16, bytes: BYTES + 1 },
        { count: 100_000, bytes: BYTES },
      ),
    ])("is refused of $count messages with $bytes bytes, and nothing is changed", async ({ count, bytes }) => {
      await fill(count, bytes);
      const before = await past.dump();
      expect(await outcomeOf(fork())).toBe("CONVERSATION_TOO_LARGE");
      expect(await past.dump()).toEqual(before);
    });
  });

  test("leaves turns in flight on the fork fenced by what happens to the fork", async () => {
    const { id } = await fork();
    const history = await continued(id);
    await history.getMessages();
    await past.store.conversations.delete(past.session, id);
    expect(await outcomeOf(history.addMessages(said("Q: late").messages()))).toBe("CONVERSATION_CHANGED");
  });
});
