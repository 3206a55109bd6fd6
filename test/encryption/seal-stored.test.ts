// P18: what was stored before encryption was switched on is sealed in place, while others write.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import {
  AgentMemory,
  CorruptMessageError,
  EncryptionKeyError,
  InvalidOptionError,
  type Keyring,
  RedisChatMessageHistory,
  sealStored,
  SessionStore,
} from "langchain-redis-sessions";
import { RedisStore } from "langchain-redis-sessions/langgraph";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { historyKeys, ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { storedKeys } from "../sessions/support/stored-keys.js";
import { closingIn } from "../support/closing.js";
import { type Client, topologies } from "../support/topologies.js";
import { beforeScriptOn } from "./support/before-script.js";
import { ring } from "./support/rings.js";

const { keep, closing } = closingIn(afterAll);
const SECRET = "the secret word";
const accepting = (): Keyring => ring({ acceptPlaintext: true });
let count = 0;
let keyPrefix: string;
beforeEach(() => {
  keyPrefix = `chat:seal-*-${process.pid}-${Date.now()}-${count++}`;
});

/** Returns the keys in whose dump a text is. */
async function keysWith(client: Client, texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const key of await storedKeys(client, `${keyPrefix.replace("*", "\\*")}:*`)) {
    const type = await client.type(key);
    const parts: Buffer[] =
      type === "list"
        ? await client.lrangeBuffer(key, 0, -1)
        : type === "hash"
          ? await client.hvalsBuffer(key)
          : type === "string"
            ? [(await client.getBuffer(key)) ?? Buffer.alloc(0)]
            : [];
    if (parts.some((part) => texts.some((text) => part.includes(text)))) found.push(key);
  }
  return found;
}

describe.each(topologies)("sealing what is stored on $name", ({ connect }) => {
  const client = keep(connect());
  const historyOf = (encryption: Keyring | undefined, more: object = {}): RedisChatMessageHistory =>
    new RedisChatMessageHistory({ client, keyPrefix, sessionId: "h:{ä}", encryption, ...more });
  const memoryOf = (encryption: Keyring | undefined): AgentMemory =>
    new AgentMemory({ client, keyPrefix, namespace: "n:{*}", encryption });
  const storeOf = (encryption: Keyring | undefined, more: object = {}): RedisStore =>
    new RedisStore({ client, keyPrefix, encryption, ...more });
  const sessionsOf = (encryption: Keyring | undefined, more: object = {}): SessionStore => {
    const sessions = new SessionStore({ client, keyPrefix, encryption, ...more });
    closing.push(() => sessions.close());
    return sessions;
  };
  const contents = async (history: RedisChatMessageHistory): Promise<unknown[]> =>
    (await history.getMessages()).map(({ content }) => content);
  const said = (text: string = SECRET): [HumanMessage, AIMessage] => [
    new HumanMessage(text),
    new AIMessage(`${text}!`),
  ];
  const owner = { userId: "ada" };
  const agent = { ...owner, agentId: "support:{1}" };
  const sealAll = (more: object = {}): Promise<{ sealed: number; skipped: number }> =>
    sealStored({ client, keyPrefix, encryption: accepting(), ...more });

  test.each([{ compress: false }, { compress: true }])(
    "with $compress as compress, plain data of every kind is read with a strict ring afterwards, and no plaintext is left",
    async ({ compress }) => {
      const plain = sessionsOf(undefined, { compress });
      const long = `${SECRET} ${"and again and again ".repeat(30)}`;
      // Entries that follow a clear carry its mark behind their time.
      await historyOf(undefined, { compress }).clear();
      await historyOf(undefined, { compress }).addMessages([...said(), ...said(long), ...said("\uFFFD ä")]);
      await memoryOf(undefined).set("k:1", { word: SECRET });
      await storeOf(undefined, { compress }).put(["a", "b c", "d"], "k", { word: long });
      const { session, token } = await plain.create({
        ...agent,
        metadata: { word: SECRET },
        userAgent: `${SECRET}/1`,
        ipAddress: "203.0.113.77",
      });
      await plain.history(session).addMessages([...said(), ...said(long)]);
      await plain.conversations.rename(owner, session.conversationId, `Title: ${SECRET}`);
      await plain.memory(session).set("own", { word: SECRET });
      await new RedisStore({ sessions: plain, session }).put(["x", "y"], "k", { word: SECRET });

      const scanned: number[] = [];
      const progress = { onProgress: (made: { scanned: number }) => scanned.push(made.scanned) };
      const found = await sealAll({ compress, ...progress });
      expect(found.skipped).toBe(0);
      expect(found.sealed).toBe(6 + 1 + 1 + 3 + 4 + 1 + 1 + 1);
      expect(scanned.at(-1)).toBeGreaterThan(8);
      expect(await keysWith(client, [SECRET, "203.0.113.77", "again and again"])).toEqual([]);
      expect(await sealAll()).toEqual({ sealed: 0, skipped: 0 });

      expect(await contents(historyOf(ring()))).toEqual([
        SECRET,
        `${SECRET}!`,
        long,
        `${long}!`,
        "\uFFFD ä",
        "\uFFFD ä!",
      ]);
      expect(await memoryOf(ring()).get("k:1")).toEqual({ word: SECRET });
      expect((await storeOf(ring()).get(["a", "b c", "d"], "k"))?.value).toEqual({ word: long });
      const strict = sessionsOf(ring(), { addressBinding: "strict" });
      expect(await contents(strict.history(session))).toEqual([SECRET, `${SECRET}!`, long, `${long}!`]);
      expect(await strict.memory(session).get("own")).toEqual({ word: SECRET });
      const [listed] = await strict.list(owner);
      expect(listed).toMatchObject({
        metadata: { word: SECRET },
        userAgent: `${SECRET}/1`,
        ipAddress: "203.0.113.77",
      });
      const conversations = await strict.conversations.list(owner);
      expect(conversations).toMatchObject([{ title: `Title: ${SECRET}`, messageCount: 4 }]);
      expect((await strict.verify(token, { ipAddress: "203.0.113.77" })).id).toBe(session.id);
    },
  );

  test("what is sealed expires no sooner than before, and its key no sooner than it", async () => {
    await historyOf(undefined, { ttl: "1h" }).addMessages(said());
    const { messages, meta, dataKey } = historyKeys(keyPrefix, "h:{ä}");
    const before = await client.pexpiretime(messages);
    await sealAll();
    expect(await client.pexpiretime(messages)).toBe(before);
    expect(await client.pexpiretime(meta)).toBe(before);
    expect(await client.pexpiretime(dataKey)).toBeGreaterThan(before);
    await memoryOf(undefined).set("for ever", 1);
    await sealAll();
    expect(await memoryOf(ring()).get("for ever")).toBe(1);
  });

  test("while others write, read and trim, nothing is lost, and everything can be read", async () => {
    const step1 = ring({ seal: false });
    const step2 = accepting();
    const batch = Array.from({ length: 300 }, (_, index) => new HumanMessage(`before ${index}`));
    await historyOf(undefined).addMessages(batch);
    const done = new AbortController();
    const written: string[] = [];
    const writer = async (encryption: Keyring, name: string): Promise<void> => {
      for (let index = 0; !done.signal.aborted && index < 200; index++) {
        try {
          await historyOf(encryption).addMessages([new HumanMessage(`${name} ${index}`)]);
          written.push(`${name} ${index}`);
        } catch (error) {
          // Marked meanwhile: what is plain is refused.
          expect(error).toBeInstanceOf(EncryptionKeyError);
        }
        await memoryOf(encryption).increment(name);
      }
    };
    const writers = [writer(step1, "plain"), writer(step2, "sealed")];
    for (let rounds = 0; rounds < 3; rounds++) await sealAll();
    done.abort();
    await Promise.all(writers);
    await sealAll();
    const all = await contents(historyOf(ring()));
    expect(new Set(all)).toEqual(new Set([...batch.map(({ content }) => content), ...written]));
    expect(all).toHaveLength(batch.length + written.length);
    expect(await sealAll()).toEqual({ sealed: 0, skipped: 0 });
    expect(await memoryOf(ring()).get("plain")).toBeGreaterThan(0);
  });

  test("while others write and trim, the newest are kept, and nothing of them is lost or plain", async () => {
    const cap = { maxMessages: 60 };
    const step1 = ring({ seal: false });
    const step2 = accepting();
    await historyOf(undefined).addMessages(
      Array.from({ length: 300 }, (_, index) => new HumanMessage(`${SECRET} ${index}`)),
    );
    const written: string[] = [];
    const writer = async (encryption: Keyring, name: string): Promise<void> => {
      for (let index = 0; index < 60; index++) {
        const text = `${SECRET} of ${name} ${index}`;
        try {
          await historyOf(encryption, cap).addMessages([new HumanMessage(text)]);
          written.push(text);
        } catch (error) {
          // Marked meanwhile: what is plain is refused.
          expect(error).toBeInstanceOf(EncryptionKeyError);
        }
      }
    };
    const writers = Promise.all([writer(step1, "plain"), writer(step2, "sealed")]);
    const over = new AbortController();
    void writers.finally(() => over.abort());
    while (!over.signal.aborted) await sealAll();
    await writers;
    await sealAll();
    const all = await contents(historyOf(ring()));
    expect(all).toHaveLength(60);
    // In which order two writers came to it Redis alone knows; of each the newest are the last.
    for (const name of ["plain", "sealed"]) {
      const ofWriter = (text: unknown): boolean => String(text).includes(` of ${name} `);
      const kept = all.filter(ofWriter);
      expect(kept).toEqual(written.filter(ofWriter).slice(written.filter(ofWriter).length - kept.length));
    }
    expect(new Set(all).size).toBe(60);
    expect(await keysWith(client, [SECRET])).toEqual([]);
    expect(await sealAll()).toEqual({ sealed: 0, skipped: 0 });
  });

  test("a value that changed since it was read is not replaced", async () => {
    await memoryOf(undefined).set("k", "old");
    const encryption = accepting();
    const wrap = encryption.wrap.bind(encryption);
    // Asked for behind the read of the value, and in front of its seal.
    let changed: Promise<unknown> | undefined;
    encryption.wrap = (key) => {
      changed ??= memoryOf(ring({ seal: false })).set("k", "new");
      return wrap(key);
    };
    await sealStored({ client, keyPrefix, encryption });
    await changed;
    expect(await memoryOf(accepting()).get("k")).toBe("new");
  });

  test.each([
    ["at the end", (key: string, entry: string) => client.rpush(key, entry), 3, -1],
    ["at the start", (key: string, entry: string) => client.lpush(key, entry), 3, 0],
    ["instead of a message", (key: string, entry: string) => client.lset(key, 1, entry), 2, 1],
  ] as const)(
    "plain text %s of a marked conversation is refused, also where it is accepted elsewhere",
    async (_place, put, length, at) => {
      const plain = sessionsOf(undefined);
      const { session } = await plain.create(agent);
      await plain.history(session).addMessages(said());
      await historyOf(undefined).addMessages(said());
      await sealAll();
      const switching = sessionsOf(accepting());
      expect(await contents(switching.history(session))).toHaveLength(2);
      const entry = '{"type":"human","data":{"content":"injected"},"at":1}';
      const { messages } = historyKeys(keyPrefix, "h:{ä}");
      const own = ownerKeys(keyPrefix, ownerTag("ada", undefined)).messages(session.conversationId);
      for (const key of [messages, own]) await put(key, entry);
      const { conversations } = switching;
      const reads = [
        historyOf(accepting()).getMessages(),
        switching.history(session).getMessages(),
        conversations.messages(owner, session.conversationId),
        conversations.export(owner, session.conversationId),
        (async () => {
          for await (const _ of switching.exportUser(owner)) expect(_).toBeDefined();
        })(),
      ];
      for (const one of await Promise.allSettled(reads)) {
        expect(one).toMatchObject({ status: "rejected", reason: expect.any(CorruptMessageError) as unknown });
      }
      // It is not sealed either, which would make it the library's.
      expect(await sealAll()).toEqual({ sealed: 0, skipped: 0 });
      expect(await client.lindex(messages, at)).toBe(entry);
      // Control: without the mark, it is read.
      await client.hdel(historyKeys(keyPrefix, "h:{ä}").meta, "sealed");
      expect(await historyOf(accepting()).getMessages()).toHaveLength(length);
    },
  );

  test("a fork of a marked conversation is marked: it refuses plain text, read or written", async () => {
    const plain = sessionsOf(undefined);
    const { session } = await plain.create(agent);
    await plain.history(session).addMessages(said());
    await sealAll();
    const switching = sessionsOf(accepting());
    const { id } = await switching.conversations.fork(owner, session.conversationId);
    expect(await switching.conversations.messages(owner, id)).toHaveLength(2);
    for (const encryption of [undefined, ring({ seal: false })]) {
      const { session: continued } = await sessionsOf(encryption).create({ ...agent, conversationId: id });
      const refused = sessionsOf(encryption).history(continued).addMessages(said());
      await expect(refused).rejects.toBeInstanceOf(EncryptionKeyError);
    }
    const keys = ownerKeys(keyPrefix, ownerTag("ada", undefined));
    await client.rpush(keys.messages(id), '{"type":"human","data":{"content":"injected"},"at":1}');
    await expect(switching.conversations.messages(owner, id)).rejects.toBeInstanceOf(CorruptMessageError);
  });

  test("an answer that would be plain is not begun in a marked conversation, and nothing is written", async () => {
    const plain = sessionsOf(undefined);
    const { session } = await plain.create(agent);
    await plain.history(session).addMessages(said());
    await sealAll();
    const keys = ownerKeys(keyPrefix, ownerTag("ada", undefined));
    const stored = async (): Promise<unknown> => [
      (await storedKeys(client, `${keyPrefix.replace("*", "\\*")}:*`)).toSorted(),
      await client.lrangeBuffer(keys.messages(session.conversationId), 0, -1),
      await client.hgetallBuffer(keys.conversation(session.conversationId)),
    ];
    const before = await stored();
    for (const encryption of [undefined, ring({ seal: false })]) {
      const begun = sessionsOf(encryption).answers(session).begin({ operationId: "one", input: SECRET });
      await expect(begun).rejects.toMatchObject({ code: "ENCRYPTION_KEY", message: expect.stringContaining("plain") });
      expect(await stored()).toEqual(before);
    }
    // Control: a ring that seals begins it under the same operation id.
    const sealing = sessionsOf(accepting());
    const answer = await sealing.answers(session).begin({ operationId: "one", input: SECRET });
    await answer.close();
    expect(await stored()).not.toEqual(before);
  });

  test.each([
    ["at the end", (key: string, entry: string) => client.rpush(key, entry), 3],
    ["at the start", (key: string, entry: string) => client.lpush(key, entry), 3],
    [
      "in the middle",
      async (key: string, entry: string) =>
        client.linsert(key, "AFTER", (await client.lindexBuffer(key, 0)) ?? "", entry),
      3,
    ],
    ["in place of the first", (key: string, entry: string) => client.lset(key, 0, entry), 2],
    ["in place of the last", (key: string, entry: string) => client.lset(key, -1, entry), 2],
  ] as const)(
    "a list that changes while it is sealed, %s, is not marked by what was there",
    async (_place, put, length) => {
      const { messages, meta } = historyKeys(keyPrefix, "h:{ä}");
      await historyOf(undefined).addMessages(said());
      const entry = (await client.lindex(messages, 0)) ?? "";
      await sealAll();
      await client.hdel(meta, "sealed");
      // All is sealed, so the only script on it is that which marks: it comes behind the look at the list.
      await sealAll({ client: beforeScriptOn(meta, client, () => put(messages, entry)) });
      expect(await client.hexists(meta, "sealed")).toBe(0);
      expect(await historyOf(accepting()).getMessages()).toHaveLength(length);
      // Repeated, it is sealed, and marked.
      expect(await sealAll()).toEqual({ sealed: 1, skipped: 0 });
      expect(await client.hexists(meta, "sealed")).toBe(1);
      expect(await contents(historyOf(ring()))).toHaveLength(length);
    },
  );

  test("a process that writes plain is refused in a marked conversation, which stays readable", async () => {
    const plain = sessionsOf(undefined);
    const { session } = await plain.create(agent);
    await plain.history(session).addMessages(said());
    await historyOf(undefined).addMessages(said());
    await sealAll();
    for (const encryption of [undefined, ring({ seal: false })]) {
      await expect(historyOf(encryption).addMessages(said())).rejects.toBeInstanceOf(EncryptionKeyError);
      const refused = sessionsOf(encryption).history(session).addMessages(said());
      await expect(refused).rejects.toBeInstanceOf(EncryptionKeyError);
    }
    await historyOf(accepting()).addMessages(said());
    expect(await contents(historyOf(ring()))).toHaveLength(4);
    expect(await contents(sessionsOf(ring()).history(session))).toHaveLength(2);
    await historyOf(undefined).clear();
    await historyOf(undefined).addMessages(said());
    expect(await contents(historyOf(undefined))).toHaveLength(2);
  });

  test("what this library did not write is left alone and counted", async () => {
    const { messages, meta } = historyKeys(keyPrefix, "h:{ä}");
    await historyOf(undefined).addMessages(said());
    await client.rpush(messages, Buffer.of(0xfe, 0xfd, 1));
    await client.set(`${keyPrefix}:history:{s}:messages`, "another type");
    await client.set(`${keyPrefix}:history:{%}:messages`, "no encoding");
    expect(await sealAll()).toEqual({ sealed: 2, skipped: 1 });
    expect(await client.hexists(meta, "sealed")).toBe(0);
    expect(await sealAll()).toEqual({ sealed: 0, skipped: 1 });
  });

  test("options are checked", async () => {
    await expect(sealStored({ client } as never)).rejects.toBeInstanceOf(InvalidOptionError);
    await expect(sealStored({ client, encryption: ring({ seal: false }) })).rejects.toBeInstanceOf(InvalidOptionError);
  });
});
