// What every message log promises, wherever it keeps its entries: the contract of src/chat-history/message-log.ts.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { isSealed } from "../support/sealed.js";
import { conversationOf } from "../../src/chat-history/history.js";
import {
  type Batch,
  EXPECT_NEW,
  type LeaseAttempt,
  type MessageLog,
  NEVER_READ,
} from "../../src/chat-history/message-log.js";
import { type Client, allTopologies } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { type LeasedConversation, ofASession, onItsOwn } from "./support/leased-conversations.js";

const changed = { code: "CONVERSATION_CHANGED" };
const conflict = { code: "OPERATION_CONFLICT" };
const lost = { code: "CONVERSATION_BUSY", reason: "lost" };

/** A batch of messages with these texts, encoded as a log takes them. */
function batch(texts: readonly string[], write: Partial<Batch> = {}): Batch {
  const encoded = texts.map((content) => `{"type":"human","data":${JSON.stringify({ content })}`);
  return { operationId: freshId(), encoded, seen: NEVER_READ, toolCalls: 0, ...write };
}

const attempt = (token: string, options: Partial<LeaseAttempt> = {}): LeaseAttempt => ({
  token,
  ticket: "",
  leaseMilliseconds: 60_000,
  mode: "wait",
  ...options,
});

describe.each(
  allTopologies.flatMap((topology) => [
    { ...topology, kind: "a history on its own", make: onItsOwn },
    { ...topology, kind: "a session's conversation", make: ofASession },
  ]),
)("the log of $kind on $name", ({ connect, make }) => {
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
  /** Two objects with connections of their own, as in two processes. */
  let log: MessageLog;
  let elsewhere: MessageLog;
  beforeEach(async () => {
    conversation = await make(client);
    log = conversationOf(conversation.open(client)).log;
    elsewhere = conversationOf(conversation.open(other)).log;
  });

  const texts = async (first = 0): Promise<string[]> => {
    const { entries } = await elsewhere.read(first);
    return entries.map((entry) => (JSON.parse(entry as string) as { data: { content: string } }).data.content);
  };
  const mark = async (): Promise<string> => (await log.read(0)).seen;

  describe("read and length", () => {
    test("a log that was never used has no entries and no clear", async () => {
      expect(await log.read(0)).toMatchObject({ seen: "", entries: [], recorded: false });
      expect(await log.read(-3, { operationId: freshId() })).toEqual({
        seen: "",
        entries: [],
        recorded: false,
        parts: 0,
        fence: undefined,
      });
      expect(await log.length()).toBe(0);
    });

    test("entries are returned oldest first, from the first that is asked for, counted from either end", async () => {
      await log.append(batch(["a", "b"]));
      await log.append(batch(["c"]));
      expect(await texts()).toEqual(["a", "b", "c"]);
      expect(await texts(1)).toEqual(["b", "c"]);
      expect(await texts(-2)).toEqual(["b", "c"]);
      expect(await texts(-9)).toEqual(["a", "b", "c"]);
      expect(await texts(3)).toEqual([]);
      expect(await log.length()).toBe(3);
    });

    test("an entry is the message as it was encoded, with the time of its append", async () => {
      const [encoded = ""] = batch(["é\u0000 {}"]).encoded;
      const before = Date.now() - 60_000;
      await log.append(batch([], { encoded: [encoded] }));
      const entry = (await log.read(0)).entries[0] as string;
      expect(entry.startsWith(encoded)).toBe(true);
      expect((JSON.parse(entry) as { at: number }).at).toBeGreaterThan(before);
    });

    test("a read tells whether something was written under an operation id", async () => {
      const [operationId, clearId] = [freshId(), freshId()];
      await log.append(batch(["a"], { operationId }));
      expect((await elsewhere.read(0, { operationId })).recorded).toBe(true);
      expect((await elsewhere.read(0, { operationId: clearId })).recorded).toBe(false);
      await log.clear(clearId);
      expect((await elsewhere.read(0, { operationId: clearId })).recorded).toBe(true);
      const stale = freshId();
      await expect(log.append(batch(["c"], { operationId: stale, seen: "1" }))).rejects.toMatchObject(changed);
      expect((await elsewhere.read(0, { operationId: stale })).recorded, "a refusal is not recorded").toBe(false);
    });
  });

  describe("append", () => {
    test("a batch is stored whole, in its order, also beyond what one command of a script can hold", async () => {
      const many = Array.from({ length: 9_001 }, (_, index) => String(index));
      expect(await log.append(batch(many))).toBeDefined();
      expect(await texts()).toEqual(many);
    });

    test("a repeated append is stored once, from any object, and with many at once", async () => {
      const write = batch(["a", "b"]);
      expect(await log.append(write)).toBeDefined();
      expect(await log.append(write)).toBeDefined();
      expect(await elsewhere.append(write)).toBeDefined();
      const next = batch(["c"]);
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? log : elsewhere).append(next)),
      );
      expect(answers).toEqual(Array.from({ length: 10 }, () => next.seen));
      expect(await texts()).toEqual(["a", "b", "c"]);
    });

    test("reusing an operation id for other content is a conflict, and nothing is stored", async () => {
      const operationId = freshId();
      await log.append(batch(["a", "b"], { operationId }));
      for (const content of [["a"], ["a", "c"], ["ab"], ["a", "b", "c"]]) {
        await expect(elsewhere.append(batch(content, { operationId }))).rejects.toMatchObject(conflict);
      }
      await expect(log.clear(operationId)).rejects.toMatchObject(conflict);
      expect(await texts()).toEqual(["a", "b"]);
    });

    // A clear destroys the key by which a repeated append is told apart: test/encryption/keys.test.ts.
    test.skipIf(isSealed)("a repeated append or clear is remembered for two minutes again", async () => {
      const [write, clearId] = [batch(["a"]), freshId()];
      const keys = [write.operationId, clearId].map((id) => conversation.operations + id);
      await log.append(write);
      await log.clear(clearId);
      for (const key of keys) await client.pexpire(key, 10_000);
      await elsewhere.append(write);
      await elsewhere.clear(clearId);
      for (const key of keys) {
        expect(await client.pttl(key)).toBeGreaterThan(100_000);
        expect(await client.pttl(key)).toBeLessThanOrEqual(120_000);
      }
    });

    test("a repeated append is answered as before, though the log was cleared since", async () => {
      const write = batch(["a"], { seen: await mark() });
      await log.append(write);
      await elsewhere.clear(freshId());
      expect(await log.append(write)).toBeDefined();
      expect(await texts()).toEqual([]);
    });

    test("appends at once are each stored whole", async () => {
      await Promise.all(
        Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? log : elsewhere).append(batch([`${index}`, "re"]))),
      );
      const stored = await texts();
      expect(stored.filter((_, index) => index % 2 === 1)).toEqual(Array.from({ length: 20 }, () => "re"));
      expect(new Set(stored).size).toBe(21);
    });
  });

  describe("maxMessages", () => {
    test("keeps the newest entries, also of a batch that is repeated", async () => {
      const capped = conversationOf(conversation.open(client, { maxMessages: 3 })).log;
      await capped.append(batch(["a", "b"]));
      const write = batch(["c", "d"]);
      await capped.append(write);
      expect(await texts()).toEqual(["b", "c", "d"]);
      await capped.append(write);
      expect(await texts()).toEqual(["b", "c", "d"]);
      expect(await capped.length()).toBe(3);
      await capped.append(batch(["e", "f", "g"], { seen: await mark() }));
      expect(await texts()).toEqual(["e", "f", "g"]);
    });

    test("does not make a full log look new", async () => {
      const capped = conversationOf(conversation.open(client, { maxMessages: 1 })).log;
      await capped.append(batch(["a"]));
      expect(await capped.append(batch(["b"], { seen: EXPECT_NEW }))).toBeUndefined();
      expect(await texts()).toEqual(["a"]);
    });
  });

  describe("an append that expects a new log", () => {
    const first = (content: readonly string[], write: Partial<Batch> = {}): Batch =>
      batch(content, { seen: EXPECT_NEW, ...write });

    test("is stored in a log that was never used, and a second one is not", async () => {
      expect(await log.append(first(["a"]))).toBeDefined();
      expect(await log.append(first(["a"]))).toBeUndefined();
      expect(await elsewhere.append(first(["b"]))).toBeUndefined();
      expect(await texts()).toEqual(["a"]);
    });

    test("is stored once when it is repeated", async () => {
      const write = first(["a"]);
      expect(await log.append(write)).toBeDefined();
      expect(await elsewhere.append(write)).toBeDefined();
      expect(await texts()).toEqual(["a"]);
    });

    test("is not stored where there are entries, and may be tried again under its operation id", async () => {
      await log.append(batch(["a"]));
      const write = first(["b"]);
      expect(await log.append(write)).toBeUndefined();
      expect(await log.append(write)).toBeUndefined();
      expect((await log.read(0, { operationId: write.operationId })).recorded).toBe(false);
      expect(await texts()).toEqual(["a"]);
    });

    test("is not stored after a clear, whether there was something to remove or not", async () => {
      await log.clear(freshId());
      expect(await elsewhere.append(first(["a"]))).toBeUndefined();
      await log.append(batch(["b"]));
      await log.clear(freshId());
      expect(await elsewhere.append(first(["a"]))).toBeUndefined();
      expect(await log.length()).toBe(0);
    });

    test("is stored once when many try at once", async () => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? log : elsewhere).append(first([`${index}`, "re"]))),
      );
      expect(answers.filter(Boolean)).toHaveLength(1);
      expect(await log.length()).toBe(2);
    });

    test("never follows a plain append of the same moment", async () => {
      await Promise.all([log.append(first(["old"])), elsewhere.append(batch(["new"]))]);
      expect(["old new", "new"]).toContain((await texts()).join(" "));
    });
  });

  describe("clear", () => {
    test("removes all entries, and its mark is what the next read sees", async () => {
      await log.append(batch(["a", "b"]));
      const made = await log.clear(freshId());
      expect(made).not.toBe("");
      expect([NEVER_READ, EXPECT_NEW]).not.toContain(made);
      expect(await elsewhere.read(0)).toMatchObject({ seen: made, entries: [] });
      expect(await log.length()).toBe(0);
    });

    test("a clear of an unused log leaves a mark too", async () => {
      const made = await log.clear(freshId());
      expect(await elsewhere.read(0)).toMatchObject({ seen: made, entries: [] });
    });

    test("each clear has a mark of its own", async () => {
      const marks = [await log.clear(freshId()), await elsewhere.clear(freshId()), await log.clear(freshId())];
      expect(new Set(marks).size).toBe(3);
    });

    test("a repeated clear returns its mark again, and removes nothing that came after it", async () => {
      const clearId = freshId();
      const made = await log.clear(clearId);
      await log.append(batch(["a"], { seen: made }));
      expect(await log.clear(clearId)).toBe(made);
      expect(await elsewhere.clear(clearId)).toBe(made);
      expect(await texts()).toEqual(["a"]);
    });

    test("an append under the operation id of a clear is a conflict", async () => {
      const clearId = freshId();
      await log.clear(clearId);
      await expect(log.append(batch(["a"], { operationId: clearId }))).rejects.toMatchObject(conflict);
      expect(await log.length()).toBe(0);
    });
  });

  describe("the mark that was seen", () => {
    test("an append that read before a clear is refused, and one that read after it, or never, is stored", async () => {
      const before = await mark();
      expect(before).toBe("");
      await log.append(batch(["a"], { seen: before }));
      const after = await elsewhere.clear(freshId());
      await expect(log.append(batch(["b"], { seen: before }))).rejects.toMatchObject(changed);
      expect(await log.length()).toBe(0);
      await log.append(batch(["c"], { seen: after }));
      await log.append(batch(["d"], { seen: await mark() }));
      await log.append(batch(["e"], { seen: NEVER_READ }));
      expect(await texts()).toEqual(["c", "d", "e"]);
    });

    test("an append that saw the clear before the latest one is refused", async () => {
      const first = await log.clear(freshId());
      const second = await elsewhere.clear(freshId());
      await expect(log.append(batch(["a"], { seen: first }))).rejects.toMatchObject(changed);
      await log.append(batch(["b"], { seen: second }));
      expect(await texts()).toEqual(["b"]);
    });

    test("appends leave the mark as it is", async () => {
      const made = await log.clear(freshId());
      await log.append(batch(["a"], { seen: made }));
      await elsewhere.append(batch(["b"]));
      expect(await mark()).toBe(made);
    });
  });

  describe("the line of turns", () => {
    test("the first is granted the lease, the next one is told how many wait in front of it", async () => {
      expect(await log.acquire(attempt("one"))).toMatchObject({ outcome: "granted" });
      expect(await client.get(conversation.lease)).toBe("one");
      const two = await elsewhere.acquire(attempt("two"));
      expect(two).toMatchObject({ outcome: "busy", position: 0 });
      const three = await log.acquire(attempt("three"));
      expect(three).toMatchObject({ outcome: "busy", position: 1 });
      // Asking again keeps the place.
      expect(await elsewhere.acquire(attempt("two", { ticket: two.ticket }))).toEqual(two);
      expect(await log.acquire(attempt("three", { ticket: three.ticket }))).toEqual(three);
      await log.release("one");
      expect(await log.acquire(attempt("three", { ticket: three.ticket }))).toMatchObject({ outcome: "busy" });
      expect(await elsewhere.acquire(attempt("two", { ticket: two.ticket }))).toMatchObject({ outcome: "granted" });
      await elsewhere.release("two");
      expect(await log.acquire(attempt("three", { ticket: three.ticket }))).toMatchObject({ outcome: "granted" });
      await log.release("three");
      expect(await client.exists(conversation.lease)).toBe(0);
    });

    test("a turn that is granted the lease is granted it again when its try is repeated", async () => {
      expect(await log.acquire(attempt("one"))).toMatchObject({ outcome: "granted" });
      expect(await log.acquire(attempt("one"))).toMatchObject({ outcome: "granted" });
      await log.release("one");
    });

    test("a turn that does not wait is refused, and has no place in the line", async () => {
      await log.acquire(attempt("one"));
      expect(await elsewhere.acquire(attempt("two", { mode: "reject" }))).toMatchObject({ outcome: "busy" });
      expect(await client.exists(conversation.waiting)).toBe(0);
      await log.release("one");
      expect(await elsewhere.acquire(attempt("two", { mode: "reject" }))).toMatchObject({ outcome: "granted" });
      await elsewhere.release("two");
    });

    test("a turn that leaves the line lets those behind it go on, and the lease stays with its holder", async () => {
      await log.acquire(attempt("one"));
      await elsewhere.acquire(attempt("two"));
      const { ticket } = await log.acquire(attempt("three"));
      await elsewhere.release("two");
      expect(await client.get(conversation.lease)).toBe("one");
      await log.release("one");
      expect(await log.acquire(attempt("three", { ticket }))).toMatchObject({ outcome: "granted" });
      await log.release("three");
    });

    test("a renewal prolongs a lease that is held, takes one again that lapsed, and does not touch another's", async () => {
      await log.acquire(attempt("one", { leaseMilliseconds: 5_000 }));
      expect(await log.renew("one", 60_000)).toBe("held");
      expect(await client.pttl(conversation.lease)).toBeGreaterThan(50_000);
      await client.del(conversation.lease);
      expect(await log.renew("one", 60_000)).toBe("held");
      expect(await client.get(conversation.lease)).toBe("one");
      expect(await elsewhere.renew("two", 60_000)).toBe("lost");
      await client.del(conversation.lease);
      await elsewhere.acquire(attempt("two"));
      expect(await log.renew("one", 60_000)).toBe("lost");
      expect(await client.get(conversation.lease)).toBe("two");
      await elsewhere.release("two");
    });

    test("a release may be repeated, and does not touch another's lease", async () => {
      await log.acquire(attempt("one"));
      await log.release("one");
      await log.release("one");
      await elsewhere.acquire(attempt("two"));
      await log.release("one");
      expect(await client.get(conversation.lease)).toBe("two");
      await elsewhere.release("two");
    });
  });

  describe("an append under a lease", () => {
    const under = (token: string, after: "keep" | "release" = "keep"): Partial<Batch> => ({ lease: { token, after } });

    test("keeps the lease, or gives it back, in the same step", async () => {
      await log.acquire(attempt("one"));
      await log.append(batch(["a"], under("one")));
      expect(await client.get(conversation.lease)).toBe("one");
      await log.append(batch(["b"], under("one", "release")));
      expect(await client.exists(conversation.lease)).toBe(0);
      expect(await texts()).toEqual(["a", "b"]);
    });

    test("gives the lease back when it is repeated, and leaves another's alone", async () => {
      await log.acquire(attempt("one"));
      const write = batch(["a"], under("one", "release"));
      await log.append(write);
      await elsewhere.acquire(attempt("two"));
      await log.append(write);
      expect(await client.get(conversation.lease)).toBe("two");
      await log.append({ ...write, ...under("two", "release") });
      expect(await client.exists(conversation.lease)).toBe(0);
      expect(await texts()).toEqual(["a"]);
    });

    test("is refused once another turn has taken the conversation, and after it was given back", async () => {
      await log.acquire(attempt("one"));
      await client.del(conversation.lease);
      await elsewhere.acquire(attempt("two"));
      await expect(log.append(batch(["a"], under("one")))).rejects.toMatchObject(lost);
      expect(await client.get(conversation.lease)).toBe("two");
      await elsewhere.release("two");
      await expect(log.append(batch(["a"], under("one")))).rejects.toMatchObject(lost);
      expect(await log.length()).toBe(0);
    });

    test("is stored when the lease lapsed and nobody took the conversation", async () => {
      await log.acquire(attempt("one"));
      await client.del(conversation.lease);
      expect(await log.append(batch(["a"], under("one", "release")))).toBeDefined();
      expect(await texts()).toEqual(["a"]);
    });

    test("is refused after a clear like any other, though its lease is held", async () => {
      await log.acquire(attempt("one"));
      const seen = await mark();
      await elsewhere.clear(freshId());
      await expect(log.append(batch(["a"], { seen, ...under("one") }))).rejects.toMatchObject(changed);
      await log.release("one");
    });

    test("keeps out neither appends without a lease nor a clear", async () => {
      await log.acquire(attempt("one"));
      await elsewhere.append(batch(["a"]));
      expect(await texts()).toEqual(["a"]);
      await elsewhere.clear(freshId());
      expect(await log.length()).toBe(0);
      expect(await client.get(conversation.lease)).toBe("one");
      await log.release("one");
    });
  });
});
