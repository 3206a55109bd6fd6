// docs/stability.md says how stored data are versioned, and which versions read which. The numbers on the page are those of
// the code, and what 0.1.0 has stored is read here, byte for byte. STORE_ANEW=1 stores it anew: for a new version, in a new
// file beside the old one.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import {
  AgentMemory,
  CorruptMessageError,
  InvalidOptionError,
  InvalidTokenError,
  keyring,
  RedisChatMessageHistory,
  SessionStore,
} from "langchain-redis-sessions";
import { RedisSaver, RedisStore } from "langchain-redis-sessions/langgraph";
import { type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeMessage } from "../../src/codec/decode.js";
import { InflateError, inflate } from "../../src/codec/deflate.js";
import { CURRENT_DICTIONARY } from "../../src/codec/dictionary.js";
import { encodeMessage } from "../../src/codec/encode.js";
import { headOf, readEnvelope } from "../../src/encryption/envelope.js";
import { PROTOCOL } from "../../src/options/copies.js";
import { textOf } from "../support/documentation.js";

const page = textOf("docs/stability.md");

/** The version that the table of the page has for a form of stored data. */
function versionOf(form: string): string {
  const row = page.split("\n").find((line) => line.startsWith(`| ${form} |`)) ?? expect.unreachable(`no row ${form}`);
  return row.split("|")[3]?.trim() ?? "";
}

let redis: RunningRedis;
let client: Redis;
beforeAll(async () => {
  redis = await startRedis({ args: ["--databases", "1"] });
  client = new Redis(redis.url);
});
afterAll(async () => {
  await client.quit();
  await redis.stop();
});

describe("the table of the page", () => {
  test("messages are of the version that the page has, and a later one is refused", () => {
    const entry = JSON.parse(`${encodeMessage(new HumanMessage("Hi"), 0)},"at":1}`) as { v?: unknown };
    expect(entry.v).toBeUndefined();
    expect(versionOf("Message")).toBe("1");
    const later = (): unknown => decodeMessage(JSON.stringify({ ...entry, v: 2 }), 0);
    expect(later).toThrow(CorruptMessageError);
    expect(later).toThrow("unknown format version");
    expect(page).toContain("`unknown format version`");
  });

  test("the dictionary is the one that the page has, and a later one is refused", () => {
    expect(versionOf("Compression dictionary")).toBe(String(CURRENT_DICTIONARY));
    expect(() => inflate(Buffer.alloc(1), CURRENT_DICTIONARY + 1, 100)).toThrow(InflateError);
    expect(() => inflate(Buffer.alloc(1), CURRENT_DICTIONARY + 1, 100)).toThrow(
      "it is compressed with a dictionary of a later version",
    );
    expect(page).toContain("`it is compressed with a dictionary of a later version`");
  });

  test("an envelope with a flag that this version does not know is refused", () => {
    const known = headOf({ isQuestion: true, dictionary: 1 }, true);
    expect(known[1]).toBe(7);
    expect(readEnvelope(Buffer.of(0xff, 8, 0))).toBeUndefined();
    expect(versionOf("Envelope of sealed and compressed data")).toBe("flags 1, 2, 4");
  });

  test("exported records have the formats that the page has, and an import refuses another one", async () => {
    const declared = textOf("src/sessions/exported.ts").matchAll(/"langchain-redis-sessions\/(\w+)\/(\d+)"/g);
    const versions = new Map([...declared].map(([, kind = "", version = ""]) => [kind, version] as const));
    expect([...versions.keys()].toSorted()).toEqual([
      "answer",
      "checkpoint",
      "conversation",
      "item",
      "memory",
      "messages",
      "session",
    ]);
    for (const [kind, version] of versions) expect(page).toContain(`\`langchain-redis-sessions/${kind}/${version}\``);
    const later = { format: "langchain-redis-sessions/conversation/2" } as never;
    const sessions = new SessionStore({ client });
    await expect(sessions.conversations.import({ userId: "ada" }, later)).rejects.toBeInstanceOf(InvalidOptionError);
  });

  test("a token begins as the page has it, and one that begins otherwise is refused", async () => {
    const sessions = new SessionStore({ client });
    const { token } = await sessions.create({ userId: "ada", agentId: "support" });
    expect(token.slice(0, 4)).toBe(versionOf("Session token").replaceAll("`", ""));
    await expect(sessions.verify(`lrt_${token.slice(4)}`)).rejects.toBeInstanceOf(InvalidTokenError);
  });

  test("two copies of the package work together when they have the number on the page", () => {
    expect(versionOf("Objects of another copy of the package")).toBe(String(PROTOCOL));
  });
});

const fixture = path.join(import.meta.dirname, "support/stored-by-0.1.0.json");
const encryption = keyring({ current: "one", keys: { one: Buffer.alloc(32, 1).toString("base64") } });
const owner = { userId: "ada", orgId: "acme" };
const spoken = [
  new HumanMessage({ content: "What is 2n + 2n?", additional_kwargs: { n: 4n, when: new Date(0) } }),
  new AIMessage({ content: "", tool_calls: [{ id: "1", name: "add", args: { a: 2 } }] }),
  new ToolMessage({ content: "4", tool_call_id: "1" }),
  new AIMessage("4. ".repeat(50)),
];
const checkpoint = {
  v: 4,
  id: "1f0c7a40-0000-6000-8000-000000000000",
  ts: "2026-11-29T12:00:00.000Z",
  channel_values: { messages: spoken.slice(1), topic: "sums" }, // LangGraph's serializer cannot hold a bigint
  channel_versions: { messages: 1, topic: 1 },
  versions_seen: {},
};
const configurable = { thread_id: "42", checkpoint_ns: "" };

describe.each([
  { how: "plain", options: { encryption: undefined } },
  { how: "sealed and compressed", options: { encryption, compress: true } },
])("what 0.1.0 has stored, $how", ({ how, options }) => {
  const keyPrefix = how === "plain" ? "plain" : "sealed";
  const common = { client, keyPrefix, ...options };
  const all = () => ({
    history: new RedisChatMessageHistory({ ...common, client, sessionId: "42", ttl: "never" }),
    sessions: new SessionStore({ ...common, client, conversationTtl: "36500d" }),
    memory: new AgentMemory({ client, keyPrefix, encryption: options.encryption, namespace: "ada" }),
    saver: new RedisSaver({ ...common, client, ttl: "never" }),
    store: new RedisStore({ ...common, client }),
  });

  test.runIf(process.env["STORE_ANEW"])("is stored", async () => {
    const { history, sessions, memory, saver, store } = all();
    await history.addMessages(spoken);
    const { session } = await sessions.create({ ...owner, agentId: "support" });
    await sessions.history(session).addMessages(spoken);
    await sessions.conversations.rename(owner, session.conversationId, "Sums");
    await memory.set("likes", { tea: true });
    await saver.put({ configurable }, checkpoint, { source: "loop", step: 1, parents: {} }, { messages: 1, topic: 1 });
    await store.put(["facts", "ada"], "likes", { text: "tea" });
    const keys = (await client.keys(`${keyPrefix}:*`)).filter((key) => !key.includes(":operation:"));
    expect(keys.length).toBeGreaterThan(10);
    const dumps = await Promise.all(
      keys.toSorted().map(async (key) => [key, (await client.dumpBuffer(key)).toString("base64")]),
    );
    await client.del(keys);
    const former = keyPrefix === "plain" ? {} : (JSON.parse(readFileSync(fixture, "utf8")) as object);
    writeFileSync(fixture, `${JSON.stringify({ ...former, [keyPrefix]: Object.fromEntries(dumps) }, null, 2)}\n`);
  });

  test("is read by this version, whole", async () => {
    const stored = JSON.parse(readFileSync(fixture, "utf8")) as Record<string, Record<string, string>>;
    for (const [key, dump] of Object.entries(stored[keyPrefix] ?? {})) {
      await client.restore(key, 0, Buffer.from(dump, "base64"), "REPLACE");
    }
    const { history, sessions, memory, saver, store } = all();
    expect(await history.getMessages()).toEqual(spoken);
    const [conversation] = await sessions.conversations.list(owner);
    expect(conversation).toMatchObject({ title: "Sums", agentId: "support", messageCount: 4 });
    const messages = await sessions.conversations.messages(owner, conversation?.id ?? "");
    expect(messages.map(({ message }) => message)).toEqual(spoken);
    expect(await memory.get("likes")).toEqual({ tea: true });
    const tuple = await saver.getTuple({ configurable });
    expect(tuple?.checkpoint.channel_values["topic"]).toBe("sums");
    expect(tuple?.checkpoint.channel_values["messages"]).toMatchObject(
      spoken.slice(1).map(({ content, type }) => ({ content, type })),
    );
    expect(await store.get(["facts", "ada"], "likes")).toMatchObject({ value: { text: "tea" } });
  });
});
