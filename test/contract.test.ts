import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ConversationChangedError,
  CorruptMessageError,
  InvalidOptionError,
  OperationConflictError,
  RedisChatMessageHistory,
  type RedisChatMessageHistoryOptions,
} from "langchain-redis-sessions";
import { isSealed } from "./support/sealed.js";
import { type Client, allTopologies } from "./support/topologies.js";
import { freshId, texts, turn } from "./support/turns.js";

describe.each(allTopologies)("a history on $name", ({ connect }) => {
  let client: Client;
  beforeAll(() => {
    client = connect();
  });
  afterAll(async () => {
    await client.quit();
  });

  const open = (options: Partial<RedisChatMessageHistoryOptions> = {}): RedisChatMessageHistory =>
    new RedisChatMessageHistory({ client, sessionId: freshId(), ...options });
  const messagesKey = (sessionId: string): string => `chat:history:{${sessionId}}:messages`;

  test("returns what was added, oldest first", async () => {
    const history = open();
    await history.addMessages(turn("one"));
    await history.addMessage(new HumanMessage("two"));
    await history.addUserMessage("three");
    await history.addAIMessage("four");
    expect(texts(await history.getMessages())).toEqual(["one", "re: one", "two", "three", "four"]);
    expect(await history.length()).toBe(5);
  });

  test("is empty before its first message, and adding nothing adds nothing", async () => {
    const sessionId = freshId();
    const history = open({ sessionId });
    await history.addMessages([]);
    expect(await history.getMessages()).toEqual([]);
    expect(await history.length()).toBe(0);
    expect(await client.exists(messagesKey(sessionId))).toBe(0);
  });

  // Compressing as many takes longer than the deadline.
  test.skipIf(isSealed)("stores 20,000 messages in one append, in order", async () => {
    const sessionId = freshId();
    const batch = Array.from({ length: 20_000 }, (_, index) => new HumanMessage(String(index)));
    await open({ sessionId }).addMessages(batch);
    expect(texts(await open({ sessionId }).getMessages())).toEqual(batch.map((message) => message.text));
  });

  test.skipIf(isSealed)("stores every entry with the server's time", async () => {
    const sessionId = freshId();
    await open({ sessionId }).addMessages(turn("hello"));
    const [seconds] = await client.call("time", []).then(
      (time) => time as string[],
      () => [String(Date.now() / 1000)],
    );
    const entries = (await client.lrange(messagesKey(sessionId), 0, -1)).map((entry) => JSON.parse(entry));
    expect(entries).toEqual([
      { type: "human", data: { content: "hello" }, at: expect.any(Number) },
      { type: "ai", data: { content: "re: hello" }, at: expect.any(Number) },
    ]);
    expect(Math.abs(entries[0].at - Number(seconds) * 1000)).toBeLessThan(60_000);
  });

  test("expires 30 days after its last write by default", async () => {
    const sessionId = freshId();
    await open({ sessionId }).addMessages(turn("hello"));
    const ttl = await client.pttl(messagesKey(sessionId));
    expect(ttl).toBeGreaterThan(2_591_000_000);
    expect(ttl).toBeLessThanOrEqual(2_592_000_000);
  });

  test.each([
    [90, 90_000],
    ["30s", 30_000],
    ["15m", 900_000],
    ["4h", 14_400_000],
    ["7d", 604_800_000],
  ] as const)("renews a ttl of %s with every write", async (ttl, milliseconds) => {
    const sessionId = freshId();
    const history = open({ sessionId, ttl });
    await history.addMessages(turn("one"));
    await client.pexpire(messagesKey(sessionId), 5_000);
    await history.addMessages(turn("two"));
    const left = await client.pttl(messagesKey(sessionId));
    expect(left).toBeGreaterThan(milliseconds - 5_000);
    expect(left).toBeLessThanOrEqual(milliseconds);
  });

  test('keeps a history for good only with ttl "never"', async () => {
    const sessionId = freshId();
    await open({ sessionId, ttl: "1h" }).addMessages(turn("one"));
    expect(await client.pttl(messagesKey(sessionId))).toBeGreaterThan(0);
    await open({ sessionId, ttl: "never" }).addMessages(turn("two"));
    expect(await client.pttl(messagesKey(sessionId))).toBe(-1);
    await client.del(messagesKey(sessionId));
  });

  test("leaves no key without an expiry", async () => {
    const sessionId = freshId();
    const history = open({ sessionId });
    await history.addMessages(turn("one"), { operationId: "first" });
    await history.clear({ operationId: "second" });
    await history.addMessages(turn("two"));
    const base = `chat:history:{${sessionId}}`;
    for (const key of ["messages", "meta", "operation:first", "operation:second"]) {
      expect(await client.pttl(`${base}:${key}`), key).toBeGreaterThan(0);
    }
    const remembered = await client.pttl(`${base}:meta`);
    expect(remembered).toBeGreaterThan(86_390_000);
    expect(remembered).toBeLessThanOrEqual(86_400_000);
  });

  test("applies a repeated operation once, and tells other content under its id apart", async () => {
    const history = open();
    await history.addMessages(turn("one"), { operationId: "a" });
    await history.addMessages(turn("one"), { operationId: "a" });
    await expect(history.addMessages(turn("two"), { operationId: "a" })).rejects.toThrow(OperationConflictError);
    await history.addMessages(turn("one"), { operationId: "b" });
    expect(texts(await history.getMessages())).toEqual(["one", "re: one", "one", "re: one"]);
  });

  test("applies a repeated clear once: what came after it stays", async () => {
    const history = open();
    await history.addMessages(turn("one"));
    await history.clear({ operationId: "a" });
    await history.addMessages(turn("two"));
    await history.clear({ operationId: "a" });
    expect(texts(await history.getMessages())).toEqual(["two", "re: two"]);
    await expect(history.addMessages(turn("x"), { operationId: "a" })).rejects.toThrow(OperationConflictError);
    await history.addMessages(turn("three"), { operationId: "b" });
    await expect(history.clear({ operationId: "b" })).rejects.toThrow(OperationConflictError);
    expect(await history.length()).toBe(4);
  });

  test("remembers an operation for two minutes", async () => {
    const sessionId = freshId();
    await open({ sessionId }).addMessages(turn("one"), { operationId: "a" });
    const left = await client.pttl(`chat:history:{${sessionId}}:operation:a`);
    expect(left).toBeGreaterThan(110_000);
    expect(left).toBeLessThanOrEqual(120_000);
  });

  test("keeps at most maxMessages, the newest", async () => {
    const history = open({ maxMessages: 3 });
    await history.addMessages(turn("one"));
    await history.addMessages(turn("two"));
    expect(texts(await history.getMessages())).toEqual(["re: one", "two", "re: two"]);
  });

  test("refuses a turn that maxMessages could not hold whole", async () => {
    const history = open({ maxMessages: 3 });
    await expect(history.addMessages([...turn("one"), ...turn("two")])).rejects.toThrow(InvalidOptionError);
    expect(await history.length()).toBe(0);
  });

  test("reads the newest messages through a window and stores them all", async () => {
    const sessionId = freshId();
    const all = open({ sessionId });
    for (const text of ["one", "two", "three"]) await all.addMessages(turn(text));
    const windowed = open({ sessionId, window: { messages: 3 } });
    expect(texts(await windowed.getMessages())).toEqual(["three", "re: three"]);
    expect(await windowed.length()).toBe(6);
  });

  test("reads a window of tokens", async () => {
    const sessionId = freshId();
    await open({ sessionId }).addMessages(["one", "two", "three"].flatMap(turn));
    const tokenCounter = (messages: BaseMessage[]): number => messages.length * 10;
    const windowed = open({ sessionId, window: { tokens: 45, tokenCounter } });
    expect(texts(await windowed.getMessages())).toEqual(["two", "re: two", "three", "re: three"]);
  });

  test("keeps tool calls and their results", async () => {
    const call = { id: "call-1", name: "weather", args: { city: "Oslo" }, type: "tool_call" as const };
    const asked = new AIMessage({ content: "", tool_calls: [call] });
    Object.assign(asked, { usage_metadata: { input_tokens: 3, output_tokens: 4, total_tokens: 7 } });
    const stored = [
      new HumanMessage({ content: "Weather?", id: "m1", name: "ada" }),
      asked,
      new ToolMessage({ content: "rain", tool_call_id: "call-1", artifact: { at: new Date(0) }, status: "success" }),
      new AIMessage("It rains."),
    ];
    const sessionId = freshId();
    await open({ sessionId }).addMessages(stored);
    const read = await open({ sessionId }).getMessages();
    expect(read.map((message) => message.toDict())).toEqual([
      stored[0]?.toDict(),
      { type: "ai", data: expect.objectContaining({ tool_calls: [call], usage_metadata: asked.usage_metadata }) },
      stored[2]?.toDict(),
      stored[3]?.toDict(),
    ]);
  });

  test("keeps tool calls and results whose id is null, empty or missing as they are", async () => {
    const sessionId = freshId();
    const ids = [{ id: null }, { id: "" }, {}];
    const stored = ids.flatMap(({ id }) => {
      const asked = new AIMessage({ content: "" });
      asked.tool_calls = [{ name: "weather", args: {}, ...(id !== undefined && { id: id as string }) }];
      return [asked, new ToolMessage({ content: "rain", tool_call_id: id as string })];
    });
    await open({ sessionId }).addMessages(stored);
    const read = await open({ sessionId }).getMessages();
    const carried = (message: BaseMessage): unknown =>
      ToolMessage.isInstance(message) ? { answers: message.tool_call_id } : (message as AIMessage).tool_calls;
    expect(read.map(carried)).toStrictEqual([
      [{ name: "weather", args: {}, id: null }],
      { answers: null },
      [{ name: "weather", args: {}, id: "" }],
      { answers: "" },
      [{ name: "weather", args: {} }],
      { answers: undefined },
    ]);
  });

  test("names a corrupt entry, or skips it on request", async () => {
    const sessionId = freshId();
    await open({ sessionId }).addMessages([...turn("one"), ...turn("two")]);
    await client.lset(messagesKey(sessionId), 1, '{"secret');
    await expect(open({ sessionId }).getMessages()).rejects.toMatchObject({ code: "CORRUPT_MESSAGE", index: 1 });
    expect(texts(await open({ sessionId, onCorrupt: "skip" }).getMessages())).toEqual(["one", "two", "re: two"]);
    const windowed = open({ sessionId, window: { messages: 3 } });
    await expect(windowed.getMessages()).rejects.toMatchObject({ index: -3 });
    expect(await client.lindex(messagesKey(sessionId), -3)).toBe('{"secret');
  });

  test("leaves a key of another type alone and says so", async () => {
    const sessionId = freshId();
    const history = open({ sessionId });
    await client.set(messagesKey(sessionId), "another application's");
    await expect(history.getMessages()).rejects.toThrow(CorruptMessageError);
    await expect(history.length()).rejects.toThrow(CorruptMessageError);
    await expect(history.addMessages(turn("x"))).rejects.toThrow(CorruptMessageError);
    await expect(history.clear()).rejects.toThrow(CorruptMessageError);
    expect(await client.get(messagesKey(sessionId))).toBe("another application's");
    expect(await client.exists(`chat:history:{${sessionId}}:meta`)).toBe(0);
    await client.del(messagesKey(sessionId));
  });

  test("refuses a turn in flight when the history was cleared since it was read", async () => {
    const sessionId = freshId();
    const inFlight = open({ sessionId });
    await open({ sessionId }).addMessages(turn("old"));
    await inFlight.getMessages();
    await open({ sessionId }).clear();
    await expect(inFlight.addMessages(turn("late"))).rejects.toThrow(ConversationChangedError);
    expect(await open({ sessionId }).length()).toBe(0);
    await inFlight.getMessages();
    await inFlight.addMessages(turn("new"));
    expect(texts(await open({ sessionId }).getMessages())).toEqual(["new", "re: new"]);
  });

  test("does not take back what it returned before its own clear(), and says how to store it anew", async () => {
    const sessionId = freshId();
    const history = open({ sessionId });
    await history.addMessages([...turn("one"), ...turn("two")]);
    const newest = (await history.getMessages()).slice(-2);
    await history.clear();
    const again = history.addMessages([new HumanMessage("new"), ...newest]);
    await expect(again).rejects.toMatchObject({ code: "INVALID_OPTION", option: "messages[1]" });
    await history.getMessages();
    await expect(history.addMessages(newest)).rejects.toThrow(/another RedisChatMessageHistory object/);
    // However often it was cleared since.
    await history.clear();
    await expect(history.addMessages(newest)).rejects.toThrow(/another RedisChatMessageHistory object/);
    await open({ sessionId }).addMessages(newest);
    expect(texts(await open({ sessionId }).getMessages())).toEqual(["two", "re: two"]);
  });

  test("names the message at fault by its place among those passed", async () => {
    const history = open();
    await history.addMessages(turn("one"));
    const read = await history.getMessages();
    const work = history.addMessages([...read, {} as BaseMessage]);
    await expect(work).rejects.toMatchObject({ option: "messages[2]" });
  });

  test("loses nothing and mixes nothing with 64 writers at once", async () => {
    const sessionId = freshId();
    await Promise.all(
      Array.from({ length: 64 }, (_, writer) =>
        open({ sessionId }).addMessages([0, 1, 2].map((part) => new HumanMessage(`${writer}.${part}`))),
      ),
    );
    const stored = texts(await open({ sessionId }).getMessages());
    expect(stored).toHaveLength(192);
    const batches = Array.from({ length: 64 }, (_, batch) => stored.slice(batch * 3, batch * 3 + 3));
    for (const batch of batches) {
      const writer = batch[0]?.split(".")[0];
      expect(batch).toEqual([`${writer}.0`, `${writer}.1`, `${writer}.2`]);
    }
    expect(new Set(stored).size).toBe(192);
  });

  test("starts a new list with the new turn only when the old one expired meanwhile", async () => {
    const sessionId = freshId();
    await open({ sessionId }).addMessages(turn("old"));
    const inFlight = open({ sessionId });
    const old = await inFlight.getMessages();
    await client.pexpire(messagesKey(sessionId), 0);
    await inFlight.addMessages([...old, ...turn("new")]);
    expect(texts(await open({ sessionId }).getMessages())).toEqual(["new", "re: new"]);
  });

  test.each([{ keyPrefix: "app{x}:" }, { keyPrefix: "app:" }, { enableAutoPipelining: true }])(
    "works on a client with %o",
    async (options) => {
      const other = connect(options);
      const ids = Array.from({ length: 20 }, freshId);
      await Promise.all(ids.map((id) => open({ client: other, sessionId: id }).addMessages(turn(id))));
      const read = await Promise.all(ids.map((id) => open({ client: other, sessionId: id }).getMessages()));
      expect(read.map(texts)).toEqual(ids.map((id) => [id, `re: ${id}`]));
      await other.quit();
    },
  );
});
