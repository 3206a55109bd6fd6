import { HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { afterAll, expect, test } from "vitest";
import { InvalidOptionError, RedisChatMessageHistory } from "langchain-redis-sessions";
import { parseHistoryOptions } from "../../src/chat-history/options.js";
import { freshId, turn } from "../support/turns.js";

const client = new Redis({ lazyConnect: true });
afterAll(() => client.disconnect());

const construct = (options: Record<string, unknown>): RedisChatMessageHistory =>
  new RedisChatMessageHistory({ client, sessionId: "s", ...options });

test.each([
  ["client", { client: undefined }, /pass an ioredis/],
  ["client", { client: {} }, /pass an ioredis/],
  ["sessionId", { sessionId: "" }, /not empty/],
  ["sessionId", { sessionId: 42 }, /use a string/],
  ["sessionId", { sessionId: undefined }, /use a string/],
  ["sessionId", { sessionId: "a\uD800" }, /lone surrogate/],
  ["sessionId", { sessionId: "é".repeat(513) }, /1 KiB/],
  ["ttl", { ttl: 0 }, /above 0/],
  ["ttl", { ttl: -1 }, /above 0/],
  ["ttl", { ttl: Number.NaN }, /above 0/],
  ["ttl", { ttl: Number.POSITIVE_INFINITY }, /above 0/],
  ["ttl", { ttl: "5 minutes" }, /"15m"/],
  ["ttl", { ttl: null }, /above 0/],
  ["ttl", { ttl: "36501d" }, /at most/],
  ["keyPrefix", { keyPrefix: "" }, /not empty/],
  ["keyPrefix", { keyPrefix: "a{b" }, /braces/],
  ["keyPrefix", { keyPrefix: "a b" }, /white space/],
  ["window", { window: 20 }, /\{ messages: 20 \}/],
  ["window.messages", { window: { messages: 0 } }, /at least 1/],
  ["window", { window: { tokens: 10 } }, /tokenCounter/],
  ["maxMessages", { maxMessages: 0 }, /at least 1/],
  ["maxMessages", { maxMessages: 1.5 }, /whole number/],
  ["maxMessageBytes", { maxMessageBytes: "1MB" }, /whole number/],
  ["deadline", { deadline: 0 }, /above 0/],
  ["deadline", { deadline: 5000 }, /at most "2m"; a number means seconds/],
  ["onCorrupt", { onCorrupt: "ignore" }, /"throw" or "skip"/],
  ["sessionTTL", { sessionTTL: 300 }, /here it is ttl/],
  ["session_id", { sessionId: undefined, session_id: "s" }, /no such option/],
  ["window.tokens", { window: { messages: 5, tokens: 5 } }, /no such option|messages: 20/],
])("%s is refused with advice: %o", (option, options, advice) => {
  expect(() => construct(options)).toThrow(InvalidOptionError);
  expect(() => construct(options)).toThrow(expect.objectContaining({ option, code: "INVALID_OPTION" }));
  expect(() => construct(options)).toThrow(advice);
});

test("no options at all are refused with advice", () => {
  expect(() => new RedisChatMessageHistory(undefined as never)).toThrow(/client and sessionId/);
});

test("the defaults are those that are documented", () => {
  const { client: port, ...settings } = parseHistoryOptions({ client, sessionId: "s" });
  // The port speaks for this client.
  expect(port.status).toBe(client.status);
  expect(settings).toEqual({
    sessionId: "s",
    ttlMilliseconds: 30 * 86_400_000,
    keyPrefix: "chat",
    window: undefined,
    maxMessages: 0,
    maxMessageBytes: 8 * 1_048_576,
    deadlineMilliseconds: 5_000,
    onCorrupt: "throw",
    compress: false,
  });
});

test("a message is measured in bytes of UTF-8", async () => {
  const history = construct({ maxMessageBytes: 1_000 });
  await expect(history.addMessage(new HumanMessage("é".repeat(500)))).rejects.toMatchObject({ option: "messages[0]" });
  expect(client.status).toBe("wait");
});

test("ids at the limits are accepted", () => {
  for (const sessionId of ["x", "é".repeat(512), " ", "\0", "__proto__"]) {
    expect(() => construct({ sessionId })).not.toThrow();
  }
});

test("constructing sends nothing and shows nothing of the client", () => {
  const history = construct({});
  expect(client.status).toBe("wait");
  expect(JSON.stringify(history)).not.toContain("6379");
  expect(history.lc_kwargs).toEqual({});
});

test("a bad operation id, a value that is no message and one too large are refused before anything is sent", async () => {
  const history = construct({ sessionId: freshId(), maxMessageBytes: 1_000 });
  await expect(history.addMessages(turn("x"), { operationId: "" })).rejects.toThrow(InvalidOptionError);
  await expect(history.clear({ operationId: "a\uDC00" })).rejects.toThrow(InvalidOptionError);
  await expect(history.addMessages([{ role: "user", content: "hi" } as never])).rejects.toThrow(InvalidOptionError);
  for (const options of [null, "id", { operationID: "typo" }]) {
    await expect(history.addMessages([], options as never)).rejects.toThrow(InvalidOptionError);
    await expect(history.clear(options as never)).rejects.toThrow(InvalidOptionError);
  }
  await expect(history.addMessages(undefined as never)).rejects.toThrow(InvalidOptionError);
  const large = history.addMessages([...turn("ok"), ...turn("x".repeat(1_000))]);
  await expect(large).rejects.toMatchObject({ option: "messages[2]" });
  expect(client.status).toBe("wait");
});
