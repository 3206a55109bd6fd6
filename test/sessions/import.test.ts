// A conversation that was exported is read back without loss, whole, once, or refused with nothing changed.
import {
  AIMessage,
  type BaseMessage,
  ChatMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import {
  type ExportedConversation,
  type Session,
  SessionStore,
  type SessionStoreOptions,
} from "langchain-redis-sessions";
import { SessionSaver } from "langchain-redis-sessions/langgraph";
import { emptyCheckpoint } from "@langchain/langgraph-checkpoint";
import { type OwnerKeys, ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { closingIn } from "../support/closing.js";
import { onOneRedis, topologies } from "../support/topologies.js";
import { freshId, texts, turn } from "../support/turns.js";
import { fieldsOf } from "../codec/round-trip.js";
import { ofKind, recordsOf } from "./support/full-owner.js";
import { storedKeys } from "./support/stored-keys.js";

const { keep } = closingIn(afterAll);
const plain = (options: Omit<SessionStoreOptions, "client"> = {}): SessionStore =>
  new SessionStore({ client, ...options });

const kinds: readonly BaseMessage[] = [
  new SystemMessage("Be kind."),
  new HumanMessage({ content: "Hi \u0000 \u2028 € 😀", id: "h", name: "ada" }),
  new HumanMessage({ content: [{ type: "image", mimeType: "image/png", data: new Uint8Array([0, 255]) }] }),
  Object.assign(
    new AIMessage({
      content: "Let me see.",
      additional_kwargs: { rich: [{ at: new Date(0), big: 2n ** 70n, none: Number.NaN, minus: -0 }] },
      tool_calls: [{ id: "c", name: "look", args: { at: "Rome" }, type: "tool_call" }],
      response_metadata: { interrupted: true, at: "a field of its own" },
    }),
    { usage_metadata: { input_tokens: 1, output_tokens: 2, total_tokens: 3 } },
  ),
  new ToolMessage({ content: "sunny", tool_call_id: "c", artifact: { map: new Map([["a", 1]]) }, status: "success" }),
  new ChatMessage({ content: "a role of its own", role: "critic" }),
  Object.assign(new AIMessage("done"), { own: "a field of its own", at: "another" }),
];

/** Through JSON, as a file holds it. */
const asJson = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

describe.each(topologies)("on $name", ({ connect }) => {
  const own = keep(connect());

  test("each kind of message comes back with its time, and so do title, origin and creation", async () => {
    const store = new SessionStore({ client: own });
    const [from, to] = [{ userId: freshId() }, { userId: freshId(), orgId: "elsewhere" }];
    const { session } = await store.create({ ...from, agentId: "support" });
    await store.history(session).addMessages([...kinds]);
    await store.conversations.rename(from, session.conversationId, "Trip to Rome");
    const { id } = await store.conversations.fork(from, session.conversationId);
    const record = asJson(await store.conversations.export(from, id));

    const { outcome, conversation } = await store.conversations.import(to, record);
    expect(outcome).toBe("imported");
    expect(conversation).toMatchObject({
      id,
      agentId: "support",
      title: "Trip to Rome",
      forkedFrom: session.conversationId,
      createdAt: new Date(record.createdAt),
      messageCount: kinds.length,
    });
    expect(await store.conversations.list(to)).toEqual([conversation]);
    const again = asJson(await store.conversations.export(to, id));
    expect(again).toEqual({ ...record, lastActivityAt: conversation.lastActivityAt.toISOString() });

    const { session: next } = await store.create({ ...to, agentId: "support", conversationId: id });
    const read = await store.history(next).getMessages();
    const written = await store.history(session).getMessages();
    expect(read.map(fieldsOf)).toEqual(written.map(fieldsOf));
    await store.history(next).addMessages(turn("and on"));
    expect(await store.history(next).length()).toBe(kinds.length + 2);
    expect(await store.eraseUser(to)).toMatchObject({ conversations: 1 });
  });
});

const client = keep(onOneRedis.connect());
const store = plain();
let owner: { userId: string };
let keys: OwnerKeys;
let session: Session;
let record: ExportedConversation;
beforeEach(async () => {
  owner = { userId: freshId() };
  keys = ownerKeys("chat", ownerTag(owner.userId, undefined));
  const source = { userId: freshId(), agentId: "support" };
  ({ session } = await store.create(source));
  await store.history(session).addMessages([...turn("one"), ...turn("two")]);
  record = asJson(await store.conversations.export(source, session.conversationId));
});

/** All that is stored of the owner, byte by byte. */
async function dump(): Promise<Record<string, unknown>> {
  const names = (await storedKeys(client, `${keys.base}:*`.replaceAll(/[{}]/g, "?"))).toSorted();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await client.dumpBuffer(name)).toString("base64")] as const)),
  );
}

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "done",
    (error: unknown) => (error as { code?: unknown }).code,
  );

describe("a repeated import", () => {
  test("changes nothing, and says that the conversation is there", async () => {
    const { conversation } = await store.conversations.import(owner, record);
    const before = await client.dumpBuffer(keys.messages(record.id));
    expect(await store.conversations.import(owner, record)).toEqual({ outcome: "unchanged", conversation });
    // The original is such a conversation too.
    expect(await store.conversations.import(session, record)).toMatchObject({ outcome: "unchanged" });
    expect(await client.dumpBuffer(keys.messages(record.id))).toEqual(before);
  });

  test("does so with any order of fields, as a database may change it, and after a rename", async () => {
    const reversed = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(reversed)
        : typeof value === "object" && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .toReversed()
                .map(([name, one]) => [name, reversed(one)]),
            )
          : value;
    await store.conversations.import(owner, record);
    await store.conversations.rename(owner, record.id, "another");
    const result = await store.conversations.import(owner, reversed(record) as ExportedConversation);
    expect(result).toMatchObject({ outcome: "unchanged", conversation: { title: "another" } });
  });

  test("of other content, or another agent, is refused, and changes nothing", async () => {
    await store.conversations.import(owner, record);
    const [first, ...others] = record.messages;
    if (first === undefined) expect.unreachable();
    const different: ExportedConversation[] = [
      { ...record, messages: others },
      { ...record, messages: [...record.messages, first] },
      { ...record, messages: [{ ...first, data: { ...first.data, content: "other" } }, ...others] },
      { ...record, messages: [{ ...first, at: new Date(0).toISOString() }, ...others] },
      { ...record, agentId: "another" },
    ];
    const before = await dump();
    for (const other of different) {
      expect(await codeOf(store.conversations.import(owner, other))).toBe("CONVERSATION_EXISTS");
    }
    expect(await dump()).toEqual(before);
    // Once the conversation has gone on, it is another one.
    const { session: next } = await store.create({ ...owner, agentId: "support", conversationId: record.id });
    await store.history(next).addMessages(turn("and on"));
    expect(await codeOf(store.conversations.import(owner, record))).toBe("CONVERSATION_EXISTS");
    expect(await store.history(next).length()).toBe(6);
  });

  test("under its operation id is the first one, and of another record a conflict", async () => {
    const options = { operationId: freshId() };
    const first = await store.conversations.import(owner, record, options);
    expect(first.outcome).toBe("imported");
    expect(await store.conversations.import(owner, record, options)).toEqual(first);
    const other = { ...record, title: "another" };
    expect(await codeOf(store.conversations.import(owner, other, options))).toBe("OPERATION_CONFLICT");
    await store.conversations.delete(owner, record.id);
    expect(await codeOf(store.conversations.import(owner, record, options))).toBe("CONVERSATION_NOT_FOUND");
  });

  test("at the same moment: one imports, the others find it", async () => {
    for (let round = 0; round < 10; round++) {
      const others = [{ userId: freshId() }, { userId: freshId() }];
      for (const other of others) {
        const imports = await Promise.all(Array.from({ length: 4 }, () => store.conversations.import(other, record)));
        expect(imports.map(({ outcome }) => outcome).toSorted()).toEqual([
          "imported",
          "unchanged",
          "unchanged",
          "unchanged",
        ]);
        expect(await store.conversations.list(other)).toMatchObject([{ messageCount: 4 }]);
      }
    }
  });
});

describe("where it goes", () => {
  test("another agent, and a new id that is the same when it is repeated", async () => {
    const options = { agentId: "sales", id: "new", operationId: freshId() };
    const { conversation } = await store.conversations.import(session, record, options);
    expect(conversation).toMatchObject({ agentId: "sales", messageCount: 4 });
    expect(conversation.id).not.toBe(record.id);
    expect((await store.conversations.import(session, record, options)).conversation).toEqual(conversation);
    expect(await store.conversations.list(session)).toHaveLength(2);
    await store.create({ userId: session.userId, agentId: "sales", conversationId: conversation.id });
    const chosen = await store.conversations.import(owner, record, { id: conversation.id });
    expect(chosen.conversation.id).toBe(conversation.id);
  });

  test("a turn that read the conversation before, as an empty or a removed one, is refused", async () => {
    await store.conversations.import(owner, record);
    const { session: reader } = await store.create({ ...owner, agentId: "support", conversationId: record.id });
    await store.conversations.delete(owner, record.id);
    const removed = store.history(reader);
    expect(await removed.getMessages()).toEqual([]);
    await store.conversations.import(owner, record);
    expect(await codeOf(removed.addMessages(turn("late")))).toBe("CONVERSATION_CHANGED");

    const other = { userId: freshId(), agentId: "support" };
    const { session: fresh } = await store.create(other);
    const empty = store.history(fresh);
    expect(await empty.getMessages()).toEqual([]);
    await store.conversations.import(other, record, { id: fresh.conversationId });
    expect(await codeOf(empty.addMessages(turn("late")))).toBe("CONVERSATION_CHANGED");
    expect(texts(await store.history(fresh).getMessages())).toEqual(["one", "re: one", "two", "re: two"]);
  });

  test("positions from before name nothing", async () => {
    await store.conversations.import(owner, record);
    const [, , old] = await store.conversations.messages(owner, record.id);
    await store.conversations.delete(owner, record.id);
    await store.conversations.import(owner, record);
    const before = old?.position ?? "";
    expect(await codeOf(store.conversations.rewind(owner, record.id, { before }))).toBe("POSITION_NOT_FOUND");
    const [, , now] = await store.conversations.messages(owner, record.id);
    await store.conversations.rewind(owner, record.id, { before: now?.position ?? "" });
    expect(await store.conversations.messages(owner, record.id)).toHaveLength(2);
  });

  test("not under the id of a conversation that has a thread, or of one that is being erased", async () => {
    const { session: paused } = await store.create({ ...owner, agentId: "support" });
    const checkpoint = { ...emptyCheckpoint(), channel_values: { a: 1 }, channel_versions: { a: 1 } };
    await new SessionSaver({ sessions: store }).put(
      { configurable: { session: paused } },
      checkpoint,
      { source: "loop", step: 0, parents: {} },
      { a: 1 },
    );
    const before = await dump();
    const id = paused.conversationId;
    expect(await codeOf(store.conversations.import(owner, record, { id }))).toBe("CONVERSATION_EXISTS");
    expect(await dump()).toEqual(before);
    // As the first step of an erasure leaves it, when the process dies behind it.
    for (const index of [keys.erasedThreads, keys.erasedConversations]) {
      await client.zadd(index, 1, record.id);
      expect(await codeOf(store.conversations.import(owner, record))).toBe("CONVERSATION_CHANGED");
      await client.del(index);
    }
    expect(await store.conversations.import(owner, record)).toMatchObject({ outcome: "imported" });
  });

  test("over what an eviction left of its record, whose fields are gone then", async () => {
    await client.hset(
      keys.conversation(record.id),
      "agentId",
      "another",
      "title",
      "of before",
      "unfinished",
      "1 0 a b",
    );
    const { conversation } = await store.conversations.import(owner, record);
    expect(conversation).toMatchObject({ agentId: "support", messageCount: 4 });
    expect(conversation).not.toHaveProperty("title");
    expect(await client.hexists(keys.conversation(record.id), "unfinished")).toBe(0);
  });

  test("it lives for conversationTtl, in every key and in the index", async () => {
    const brief = plain({ conversationTtl: "2h", lifetime: "1h", idleTimeout: "1h" });
    await brief.conversations.import(owner, record);
    for (const key of [keys.conversation(record.id), keys.messages(record.id), keys.conversations]) {
      const left = await client.pttl(key);
      expect(left).toBeGreaterThan(7_000_000);
      expect(left).toBeLessThanOrEqual(7_200_000);
    }
  });

  test("the newest of `maxMessages` are kept, and the import is still the same when it is repeated", async () => {
    const few = plain({ maxMessages: 3 });
    expect(await few.conversations.import(owner, record)).toMatchObject({ conversation: { messageCount: 3 } });
    expect(await few.conversations.import(owner, record)).toMatchObject({ outcome: "unchanged" });
    const kept = await few.conversations.messages(owner, record.id);
    expect(texts(kept.map(({ message }) => message))).toEqual(["re: one", "two", "re: two"]);
  });

  test("conversations of an export that are imported one after another are listed in the same order", async () => {
    const source = { userId: freshId(), agentId: "support" };
    for (const text of ["a", "b", "c"]) {
      const made = await store.create(source);
      await store.history(made.session).addMessages(turn(text));
    }
    for (const one of ofKind(await recordsOf(store.exportUser(source)), "conversation")) {
      await store.conversations.import(owner, one);
    }
    const idsOf = async (who: { userId: string }): Promise<string[]> =>
      (await store.conversations.list(who)).map(({ id }) => id);
    expect(await idsOf(owner)).toEqual(await idsOf(source));
  });
});

describe("what is hostile, or too large, is refused before anything is written", () => {
  const deep = (levels: number): unknown => {
    let value: unknown = "x";
    for (let level = 0; level < levels; level++) value = [value];
    return value;
  };
  const message = (changed: Record<string, unknown>): ExportedConversation => ({
    ...record,
    messages: [...record.messages.slice(0, 3), { ...record.messages[3], ...changed } as (typeof record.messages)[0]],
  });
  const cyclic: Record<string, unknown> = { content: "x" };
  cyclic["self"] = cyclic;
  const throwing = {
    content: "x",
    get secret() {
      throw new Error("a text of theirs");
    },
  };

  const refused: Record<string, [option: string, make: () => unknown]> = {
    "no object": ["record", () => "[]"],
    nothing: ["record", () => undefined],
    "another format": ["format", () => ({ ...record, format: "langchain-redis-sessions/conversation/2" })],
    "another kind": ["kind", () => ({ ...record, kind: "messages" })],
    "a name that there is not": ["generation", () => ({ ...record, generation: "1" })],
    "an id of their own": ["id", () => ({ ...record, id: "a}:messages:{b" })],
    "the id of a session": ["id", () => ({ ...record, id: session.id })],
    "an empty agent": ["agentId", () => ({ ...record, agentId: "" })],
    "a title that is too long": ["title", () => ({ ...record, title: "x".repeat(1_025) })],
    "a title that is a lone surrogate": ["title", () => ({ ...record, title: "\ud800" })],
    "a time that is none": ["createdAt", () => ({ ...record, createdAt: "yesterday" })],
    "a time that is a number": ["lastActivityAt", () => ({ ...record, lastActivityAt: 1 })],
    "messages that are no array": ["messages", () => ({ ...record, messages: { length: 1 } })],
    "no message": ["record.messages", () => ({ ...record, messages: [] })],
    "the first part of a long one": ["continues", () => ({ ...record, continues: true })],
    "a message that is null": ["record.messages[0]", () => ({ ...record, messages: [null] })],
    "a message that is a hole": ["record.messages[0]", () => ({ ...record, messages: Array.from({ length: 2 }) })],
    "a message of another type": ["record.messages[3]", () => message({ type: "constructor" })],
    "a message without data": ["record.messages[3]", () => message({ data: undefined })],
    "data that is an array": ["record.messages[3]", () => message({ data: [] })],
    "content that is a number": ["record.messages[3]", () => message({ data: { content: 1 } })],
    "a message of a later version": ["record.messages[3]", () => message({ v: 2 })],
    "rich values that do not fit": ["record.messages[3]", () => message({ rich: [["content", "Map"]] })],
    "own fields that are not there": ["record.messages[3]", () => message({ own: ["toString"] })],
    "a time that is no time": ["record.messages[3].at", () => message({ at: "2026-13-01T00:00:00.000Z" })],
    "a time beyond all times": ["record.messages[3].at", () => message({ at: 8.65e15 })],
    "a cycle": ["record.messages[3]", () => message({ data: cyclic })],
    "a getter that throws": ["record.messages[3]", () => message({ data: throwing })],
    "a depth beyond the stack": ["record.messages[3]", () => message({ data: { content: [deep(100_000)] } })],
  };

  test.each(Object.entries(refused))("%s", async (_name, [option, make]) => {
    const error: unknown = await store.conversations
      .import(owner, make() as ExportedConversation)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "INVALID_OPTION", option });
    expect(String(error)).not.toContain("a text of theirs");
    expect(await dump()).toEqual({});
  });

  test.each([{ id: "mine" }, { agentId: "" }, { operationId: "" }, { ttl: 1 }])("the options %j", async (options) => {
    expect(await codeOf(store.conversations.import(owner, record, options))).toBe("INVALID_OPTION");
    expect(await dump()).toEqual({});
  });

  test("names such as those of a prototype stay names", async () => {
    const text =
      '{"type":"human","data":{"content":"x","additional_kwargs":{"__proto__":{"a":1},"constructor":2}},"at":"2026-01-01T00:00:00.000Z"}';
    await store.conversations.import(owner, { ...record, messages: [JSON.parse(text) as (typeof record.messages)[0]] });
    const [stored] = (await store.conversations.export(owner, record.id)).messages;
    expect(JSON.stringify(stored)).toBe(text);
    expect(Object.prototype).not.toHaveProperty("a");
  });

  test("a message beyond `maxMessageBytes`, and more than 10,000 messages or 16 MiB", async () => {
    const narrow = plain({ maxMessageBytes: 1_000 });
    const data = { content: "x".repeat(1_000) };
    const large = narrow.conversations.import(owner, message({ data }));
    await expect(large).rejects.toMatchObject({ code: "INVALID_OPTION", option: "record.messages[3]" });
    const [one] = record.messages;
    if (one === undefined) expect.unreachable();
    const many = Array.from({ length: 10_001 }, () => one);
    const heavy = Array.from({ length: 17 }, () => ({ ...one, data: { content: "x".repeat(1_048_576) } }));
    for (const messages of [many, heavy]) {
      expect(await codeOf(store.conversations.import(owner, { ...record, messages }))).toBe("CONVERSATION_TOO_LARGE");
    }
    expect(await dump()).toEqual({});
    const most = { ...record, messages: many.slice(1) };
    expect(await store.conversations.import(owner, most)).toMatchObject({ conversation: { messageCount: 10_000 } });
    expect(await store.conversations.import(owner, most)).toMatchObject({ outcome: "unchanged" });
  });

  test("the pages of a long conversation, put together, are one record", async () => {
    const { session: long } = await store.create({ userId: freshId(), agentId: "support" });
    const messages = Array.from({ length: 1_200 }, (_, index) => new HumanMessage(`${index}`));
    await store.history(long).addMessages(messages);
    const records = await recordsOf(store.exportUser(long));
    const [first] = ofKind(records, "conversation");
    if (first === undefined) expect.unreachable();
    expect(await codeOf(store.conversations.import(owner, first))).toBe("INVALID_OPTION");
    const { continues: _, ...whole } = first;
    whole.messages.push(...ofKind(records, "messages").flatMap((page) => page.messages));
    const { conversation } = await store.conversations.import(owner, whole);
    expect(conversation.messageCount).toBe(1_200);
  });
});

test("a history that reads and writes under the id goes on from the import", async () => {
  await store.conversations.import(owner, record);
  const { session: next } = await store.create({ ...owner, agentId: "support", conversationId: record.id });
  const history = store.history(next);
  await history.getMessages();
  await history.addMessages(turn("three"));
  const { messages } = await store.conversations.export(owner, record.id);
  expect(messages.slice(0, 4)).toEqual(record.messages);
  expect(messages).toHaveLength(6);
});
