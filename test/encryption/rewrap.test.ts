// P18: a rotation of the ring's key, for owners who write nothing.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import {
  AgentMemory,
  EncryptionKeyError,
  InvalidOptionError,
  type Keyring,
  keyring,
  RedisChatMessageHistory,
  rewrapDataKeys,
  SessionStore,
} from "langchain-redis-sessions";
import { RedisStore } from "langchain-redis-sessions/langgraph";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { historyKeys } from "../../src/redis/keys.js";
import { closingIn } from "../support/closing.js";
import { topologies } from "../support/topologies.js";
import { keys, ring, TableOfKeys } from "./support/rings.js";

const { keep, closing } = closingIn(afterAll);
const withoutOld = (more: object = {}): Keyring => keyring({ current: "new", keys: { new: keys.new }, ...more });
let count = 0;
let keyPrefix: string;
beforeEach(() => {
  keyPrefix = `chat:rewrap-*-${process.pid}-${Date.now()}-${count++}`;
});

describe.each(topologies)("wrapping data keys anew on $name", ({ connect }) => {
  const client = keep(connect());
  const historyOf = (sessionId: string, encryption: Keyring): RedisChatMessageHistory =>
    new RedisChatMessageHistory({ client, keyPrefix, sessionId, encryption });
  const memoryOf = (encryption: Keyring): AgentMemory =>
    new AgentMemory({ client, keyPrefix, namespace: "a namespace:{*}", encryption });
  const storeOf = (encryption: Keyring): RedisStore => new RedisStore({ client, keyPrefix, encryption });
  const sessionsOf = (encryption: Keyring): SessionStore => {
    const sessions = new SessionStore({ client, keyPrefix, encryption });
    closing.push(() => sessions.close());
    return sessions;
  };
  const texts = async (history: RedisChatMessageHistory): Promise<unknown[]> =>
    (await history.getMessages()).map(({ content }) => content);
  const said = [new HumanMessage("one"), new AIMessage("two")];

  test.each(["beside", "elsewhere"])(
    "%s: every data key is wrapped by the current key, and the old one is needed no more",
    async (place) => {
      const dataKeys = place === "elsewhere" ? new TableOfKeys() : undefined;
      const old = ring({ dataKeys });
      const ids = Array.from({ length: 40 }, (_, index) => `h ${index}:{ä}*!`);
      await Promise.all(ids.map((id) => historyOf(id, old).addMessages(said)));
      await memoryOf(old).set("name", "Ada");
      await storeOf(old).put(["users, all", "ada {x}, %"], "k", { a: 1 });
      const { session } = await sessionsOf(old).create({ userId: "ada", agentId: "support", metadata: { a: 1 } });
      await sessionsOf(old).history(session).addMessages(said);
      // A destroyed key is counted by nobody.
      await historyOf("cleared", old).addMessages(said);
      await historyOf("cleared", old).clear();

      const rotated = ring({ dataKeys, current: "new" });
      const steps: number[] = [];
      const found = await rewrapDataKeys({
        client,
        keyPrefix,
        encryption: rotated,
        onProgress: ({ scanned }) => steps.push(scanned),
      });
      expect(found).toEqual({ rewrapped: 43, wrappedBy: { new: 43 } });
      expect(steps.at(-1)).toBeGreaterThanOrEqual(43);
      expect(await rewrapDataKeys({ client, keyPrefix, encryption: rotated })).toEqual({
        rewrapped: 0,
        wrappedBy: { new: 43 },
      });

      const only = withoutOld({ dataKeys });
      for (const id of ids) expect(await texts(historyOf(id, only))).toEqual(["one", "two"]);
      expect(await memoryOf(only).get("name")).toBe("Ada");
      expect((await storeOf(only).get(["users, all", "ada {x}, %"], "k"))?.value).toEqual({ a: 1 });
      expect(await texts(sessionsOf(only).history(session))).toEqual(["one", "two"]);
      await historyOf(ids[0] ?? "", only).addMessages(said);
    },
  );

  test("a process that knew a data key before goes on with it", async () => {
    const old = ring();
    await historyOf("h", old).addMessages(said);
    await rewrapDataKeys({ client, keyPrefix, encryption: ring({ current: "new" }) });
    await historyOf("h", old).addMessages(said);
    expect(await texts(historyOf("h", withoutOld()))).toHaveLength(4);
  });

  test("a data key keeps its deadline", async () => {
    const { dataKey } = historyKeys(keyPrefix, "h");
    const history = new RedisChatMessageHistory({ client, keyPrefix, sessionId: "h", encryption: ring(), ttl: "1h" });
    await history.addMessages(said);
    const before = await client.pexpiretime(dataKey);
    await rewrapDataKeys({ client, keyPrefix, encryption: ring({ current: "new" }) });
    expect(await client.get(dataKey)).toMatch(/^[\w-]{8} new /);
    expect(await client.pexpiretime(dataKey)).toBe(before);
  });

  test("what the ring cannot unwrap is counted under the key that wrapped it, and left alone", async () => {
    await historyOf("of old", ring()).addMessages(said);
    await historyOf("of new", withoutOld()).addMessages(said);
    await client.set(historyKeys(keyPrefix, "foreign").dataKey, "what is this");
    const before = await client.get(historyKeys(keyPrefix, "of old").dataKey);
    expect(await rewrapDataKeys({ client, keyPrefix, encryption: withoutOld() })).toEqual({
      rewrapped: 0,
      wrappedBy: { old: 1, new: 1, is: 1 },
    });
    expect(await client.get(historyKeys(keyPrefix, "of old").dataKey)).toBe(before);
  });

  test("of a key that is destroyed between the look and the write, nothing is written back", async () => {
    const { dataKey } = historyKeys(keyPrefix, "h");
    const old = ring();
    await historyOf("h", old).addMessages(said);
    const rotated = ring({ current: "new" });
    // The ring is asked to wrap behind the look: a clear comes first.
    const wrap = rotated.wrap.bind(rotated);
    const held = await client.get(dataKey);
    rotated.wrap = (key) => {
      void client.set(dataKey, `${held?.slice(0, 8)} -`);
      return wrap(key);
    };
    expect(await rewrapDataKeys({ client, keyPrefix, encryption: rotated })).toEqual({ rewrapped: 0, wrappedBy: {} });
    expect(await client.get(dataKey)).toBe(`${held?.slice(0, 8)} -`);
  });

  test("another prefix is not touched", async () => {
    await historyOf("h", ring()).addMessages(said);
    const own = keyPrefix;
    keyPrefix = own.replace("*", "x");
    await historyOf("h", ring()).addMessages(said);
    expect(await rewrapDataKeys({ client, keyPrefix: own, encryption: ring({ current: "new" }) })).toEqual({
      rewrapped: 1,
      wrappedBy: { new: 1 },
    });
    expect(await client.get(historyKeys(keyPrefix, "h").dataKey)).toMatch(/ old /);
  });

  test("without the `dataKeys` of keys that are kept elsewhere, it is an EncryptionKeyError", async () => {
    await historyOf("h", ring({ dataKeys: new TableOfKeys() })).addMessages(said);
    await expect(rewrapDataKeys({ client, keyPrefix, encryption: ring({ current: "new" }) })).rejects.toBeInstanceOf(
      EncryptionKeyError,
    );
  });

  test("a client with a prefix of its own finds its keys", async () => {
    if ("nodes" in client) return;
    const prefixed = keep(connect({ keyPrefix: `${keyPrefix}:app:` }));
    const history = new RedisChatMessageHistory({ client: prefixed, sessionId: "h", encryption: ring() });
    await history.addMessages(said);
    expect(await rewrapDataKeys({ client: prefixed, encryption: ring({ current: "new" }) })).toEqual({
      rewrapped: 1,
      wrappedBy: { new: 1 },
    });
  });

  test("options are checked", async () => {
    await expect(rewrapDataKeys({ client } as never)).rejects.toBeInstanceOf(InvalidOptionError);
    await expect(rewrapDataKeys({ client, encryption: ring(), other: 1 } as never)).rejects.toBeInstanceOf(
      InvalidOptionError,
    );
  });
});
