// An export while others write: what was there when it began comes once, but for what is removed meanwhile.
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { afterAll, describe, expect, test, vi } from "vitest";
import { type ExportedRecord, type Session, SessionStore } from "langchain-redis-sessions";
import { RedisStore } from "langchain-redis-sessions/langgraph";
import { ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { GRACE_MILLISECONDS } from "../../src/redis/scripts/fragments/session.js";
import { age } from "./support/stored-keys.js";
import { closingIn } from "../support/closing.js";
import { onOneRedis, topologiesOn } from "../support/topologies.js";
import { inject } from "vitest";
import { freshId } from "../support/turns.js";
import { ofKind, recordsOf } from "./support/full-owner.js";

const { keep } = closingIn(afterAll);
const client = keep(onOneRedis.connect());
const store = new SessionStore({ client });

/** Texts of 2 KiB, so that a page has some 500 of them. */
const numbered = (from: number, to: number): BaseMessage[] =>
  Array.from({ length: to - from }, (_, index) => {
    const text = `${from + index} ${"x".repeat(2_000)}`;
    return index % 2 === 0 ? new HumanMessage(text) : new AIMessage(text);
  });

async function longConversation(length: number, options: { maxMessages?: number } = {}): Promise<Long> {
  const writer = new SessionStore({ client, ...options });
  const { session } = await writer.create({ userId: freshId(), agentId: "support" });
  await writer.history(session).addMessages(numbered(0, length));
  return { writer, session, keys: ownerKeys("chat", ownerTag(session.userId, undefined)) };
}

interface Long {
  readonly writer: SessionStore;
  readonly session: Session;
  readonly keys: ReturnType<typeof ownerKeys>;
}

/** The numbers of the messages of one conversation, and whether its last record says that it is the last. */
function numbersOf(
  records: readonly ExportedRecord[],
  id: string,
): { numbers: number[]; ends: boolean; pages: number } {
  const pages = records.filter(
    (record) =>
      (record.kind === "conversation" && record.id === id) ||
      (record.kind === "messages" && record.conversationId === id),
  ) as Extract<ExportedRecord, { kind: "conversation" | "messages" }>[];
  const numbers = pages.flatMap(({ messages }) =>
    messages.map(({ data }) => Number.parseInt(String(data["content"]), 10)),
  );
  return { numbers, ends: pages.length > 0 && !("continues" in (pages.at(-1) ?? {})), pages: pages.length };
}

/** Does something between the first page of the conversation and the next. */
async function exportedAround(
  { session }: Long,
  meanwhile: () => Promise<unknown>,
): Promise<{ records: ExportedRecord[]; numbers: number[]; ends: boolean; pages: number }> {
  const records: ExportedRecord[] = [];
  for await (const record of store.exportUser(session)) {
    records.push(record);
    if (record.kind === "conversation") await meanwhile();
  }
  return { records, ...numbersOf(records, session.conversationId) };
}

const upTo = (length: number, from = 0): number[] => Array.from({ length: length - from }, (_, index) => from + index);

describe("a long conversation comes in pages", () => {
  test("of bounded size, in order, whole", async () => {
    const long = await longConversation(2_000);
    const { records, numbers, ends, pages } = await exportedAround(long, async () => {});
    expect(numbers).toEqual(upTo(2_000));
    expect(ends).toBe(true);
    expect(pages).toBeGreaterThan(3);
    for (const record of records) expect(JSON.stringify(record).length).toBeLessThan(1.3 * 1_048_576);
    const whole = await store.conversations.export(long.session, long.session.conversationId);
    expect(records.flatMap((record) => ("messages" in record ? record.messages : []))).toEqual(whole.messages);
  });

  test("and a page of large messages has few of them", async () => {
    const { session } = await store.create({ userId: freshId(), agentId: "support" });
    const large = "x".repeat(300_000);
    await store.history(session).addMessages(Array.from({ length: 64 }, () => new HumanMessage(large)));
    const records = await recordsOf(store.exportUser(session));
    const counts = records.flatMap((record) => ("messages" in record ? [record.messages.length] : []));
    expect(Math.max(...counts)).toBeLessThanOrEqual(16);
  });

  test("appends meanwhile neither repeat nor hide what was there", async () => {
    const long = await longConversation(1_500);
    const { session, writer } = long;
    const { numbers, ends } = await exportedAround(long, () =>
      writer.history(session).addMessages(numbered(1_500, 2_200)),
    );
    expect(numbers).toEqual(upTo(1_500));
    expect(ends).toBe(true);
  });

  test("a limit that removes the oldest meanwhile takes those away that had not come, and no others", async () => {
    const long = await longConversation(1_500, { maxMessages: 1_500 });
    const { session, writer } = long;
    // Of the first 700 those of the first page have come.
    const { numbers } = await exportedAround(long, () => writer.history(session).addMessages(numbered(1_500, 2_200)));
    const first = numbers.findIndex((number, index) => number !== index);
    expect(first).toBeGreaterThan(400);
    expect(first).toBeLessThan(700);
    expect(numbers).toEqual([...upTo(first), ...upTo(1_500, 700)]);
  });

  test("a rename changes nothing of it", async () => {
    const long = await longConversation(1_000);
    const { numbers } = await exportedAround(long, () =>
      store.conversations.rename(long.session, long.session.conversationId, "renamed"),
    );
    expect(numbers).toEqual(upTo(1_000));
  });

  test("what is cut meanwhile is left out, and what takes its place does not follow the old beginning", async () => {
    const long = await longConversation(1_500);
    const { session, writer } = long;
    const { conversationId } = session;
    const { numbers, ends } = await exportedAround(long, async () => {
      const [at] = await store.conversations.messages(session, conversationId, { before: 201, limit: 1 });
      await store.conversations.rewind(session, conversationId, { before: at?.position ?? "" });
      await writer.history(session).addMessages(numbered(5_000, 6_500));
    });
    const [page] = ofKind(await recordsOf(store.exportUser(session)), "conversation");
    expect(numbers.length).toBeGreaterThan(400);
    expect(numbers).toEqual(upTo(numbers.length));
    expect(ends).toBe(true);
    expect(page?.messages[200]?.data["content"]).toMatch(/^5000 /);
  });

  test.each<[string, (long: Long) => Promise<unknown>]>([
    ["a clear", ({ writer, session }) => writer.history(session).clear()],
    ["a removal", ({ session }) => store.conversations.delete(session, session.conversationId)],
    ["an erasure", ({ session }) => store.eraseUser(session)],
    [
      "an expiry",
      ({ keys, session: { conversationId: id } }) => client.unlink(keys.messages(id), keys.conversation(id)),
    ],
    [
      "a removal and a new beginning",
      async ({ writer, session }) => {
        await store.conversations.delete(session, session.conversationId);
        await writer.history(session).addMessages(numbered(7_000, 8_500));
      },
    ],
  ])("after %s it ends, without an error and without what comes anew", async (_name, act) => {
    const long = await longConversation(1_500);
    const { numbers, ends } = await exportedAround(long, () => act(long));
    expect(numbers.length).toBeGreaterThan(400);
    expect(numbers).toEqual(upTo(numbers.length));
    expect(ends).toBe(true);
  });
});

test("two writers append all the time: each of 20 conversations comes whole and once", async () => {
  const writer = new SessionStore({ client, maxSessionsPerUser: 100 });
  const user = { userId: freshId(), agentId: "support" };
  const made = await Promise.all(Array.from({ length: 20 }, () => writer.create(user)));
  const append = (session: Session, from: number): Promise<void> =>
    writer.history(session).addMessages(numbered(from, from + 2));
  for (const { session } of made) await writer.history(session).addMessages(numbered(0, 300));
  const stopped = new AbortController();
  const writers = Promise.all(
    [made.slice(0, 10), made.slice(10)].map(async (some) => {
      for (let round = 0; !stopped.signal.aborted; round++)
        for (const { session } of some) await append(session, 300 + 2 * round);
    }),
  );
  const records = await recordsOf(store.exportUser(user));
  stopped.abort();
  await writers;
  expect(ofKind(records, "conversation")).toHaveLength(20);
  for (const { session } of made) {
    const { numbers, ends } = numbersOf(records, session.conversationId);
    expect(numbers.length).toBeGreaterThanOrEqual(300);
    expect(numbers).toEqual(upTo(numbers.length));
    expect(ends).toBe(true);
  }
});

test("a conversation that becomes active meanwhile comes once, and so does an item that is put anew", async () => {
  const writer = new SessionStore({ client, maxSessionsPerUser: 100 });
  const user = { userId: freshId(), agentId: "support" };
  const made = await Promise.all(Array.from({ length: 5 }, () => writer.create(user)));
  for (const { session } of made) await writer.history(session).addMessages(numbered(0, 2));
  const [first, , , , last] = made.map(({ session }) => session);
  if (first === undefined || last === undefined) expect.unreachable();
  const items = new RedisStore({ sessions: writer, session: first });
  // Each page of items ends behind 1 MiB.
  for (let key = 0; key < 30; key++) await items.put(["a"], String(key), { text: "x".repeat(200_000) });
  const records: ExportedRecord[] = [];
  let touched = false;
  for await (const record of store.exportUser(user)) {
    records.push(record);
    if (record.kind === "conversation") {
      await writer.history(first).addMessages(numbered(2, 4));
      await writer.history(last).addMessages(numbered(2, 4));
    } else if (record.kind === "item" && !touched) {
      touched = true;
      // One that has come, and one that has not: both are the newest then.
      for (const key of ["29", "0"]) await items.put(["a"], key, { text: "put anew" });
    }
  }
  expect(ofKind(records, "conversation").map(({ id }) => id)).toEqual(
    made.map(({ session }) => session.conversationId),
  );
  expect(
    ofKind(records, "item")
      .map(({ key }) => Number(key))
      .toSorted((a, b) => a - b),
  ).toEqual(upTo(30));
});

test("a session that ends or expires before its page is left out", async () => {
  const writer = new SessionStore({ client, maxSessionsPerUser: 100 });
  const user = { userId: freshId(), agentId: "support" };
  const keys = ownerKeys("chat", ownerTag(user.userId, undefined));
  const made = [];
  for (let index = 0; index < 50; index++) made.push(await writer.create(user));
  const seen: string[] = [];
  for await (const record of store.exportUser(user)) {
    if (record.kind !== "session") continue;
    seen.push(record.id);
    if (seen.length > 1) continue;
    await writer.endById(user, made[48]?.session.id ?? "");
    const expiring = keys.session(made[49]?.session.id ?? "");
    // To a second after its deadline, so that the record is still there.
    await age(client, expiring, (await client.pttl(expiring)) - GRACE_MILLISECONDS + 1_000);
  }
  expect(seen).toEqual(made.slice(0, 48).map(({ session }) => session.id));
});

describe("the caller", () => {
  test("a caller that leaves the loop causes no more reads", async () => {
    const { session } = await longConversation(2_000);
    const runs = vi.spyOn(client, "evalsha");
    for await (const record of store.exportUser(session)) if (record.kind === "conversation") break;
    const done = runs.mock.calls.length;
    await client.ping();
    expect(runs).toHaveBeenCalledTimes(done);
    // The members of two indexes, the sessions, the members of the threads, and one page.
    expect(done).toBeLessThanOrEqual(5);
    runs.mockRestore();
  });

  test("a slow reader gets no page ahead of time, and goes on where it was", async () => {
    const { session } = await longConversation(2_000);
    const records: ExportedRecord[] = [];
    const iterator = store.exportUser(session);
    const runs = vi.spyOn(client, "evalsha");
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) break;
      records.push(value);
      const before = runs.mock.calls.length;
      await client.ping();
      expect(runs).toHaveBeenCalledTimes(before);
    }
    runs.mockRestore();
    expect(numbersOf(records, session.conversationId).numbers).toEqual(upTo(2_000));
  });

  test("whose Redis fails on the way gets an error, and gets everything when it starts again", async () => {
    const { session } = await longConversation(2_000);
    const [topology] = topologiesOn(() => inject("servers"));
    const failing = topology?.connect() ?? expect.unreachable();
    const records: ExportedRecord[] = [];
    const reading = (async () => {
      for await (const record of new SessionStore({ client: failing, deadline: 1 }).exportUser(session)) {
        records.push(record);
        if (record.kind === "conversation") failing.disconnect();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", indeterminate: false });
    expect(numbersOf(records, session.conversationId).ends).toBe(false);
    expect(numbersOf(await recordsOf(store.exportUser(session)), session.conversationId).numbers).toEqual(upTo(2_000));
  });
});
