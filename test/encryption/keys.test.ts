// P18: whose key seals what, for how long, and that nothing is sealed with a key that is dead.
import { randomBytes } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import {
  CorruptMessageError,
  EncryptionKeyError,
  InvalidOptionError,
  type Keyring,
  keyring,
  RedisChatMessageHistory,
  redisDataKeys,
  SessionStore,
  StoreUnavailableError,
} from "langchain-redis-sessions";
import { OPERATIONS_CHANNEL, type OperationEnd } from "langchain-redis-sessions/telemetry";
import { afterAll, beforeEach, describe, expect, inject, onTestFinished, test } from "vitest";
import { historyKeys, ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { amount } from "../support/amount.js";
import { closingIn } from "../support/closing.js";
import { topologies } from "../support/topologies.js";
import { Redis } from "ioredis";
import { keys, ring, TableOfKeys } from "./support/rings.js";

const { keep, closing } = closingIn(afterAll);
const hello = (text: string): [HumanMessage, AIMessage] => [new HumanMessage(text), new AIMessage(`To ${text}`)];
const reason = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
let count = 0;
let id: string;
beforeEach(() => {
  id = `keys-${process.pid}-${Date.now()}-${count++}`;
});

describe.each(topologies)("data keys on $name", ({ connect }) => {
  const client = keep(connect());
  const opened = (encryption: Keyring | undefined, more: object = {}): RedisChatMessageHistory =>
    new RedisChatMessageHistory({ client, sessionId: id, encryption, ...more });
  const texts = async (history: RedisChatMessageHistory): Promise<unknown[]> =>
    (await history.getMessages()).map(({ content }) => content);
  const dataKey = (): string => historyKeys("chat", id).dataKey;

  test("a history has a key of its own, which expires no sooner than its messages", async () => {
    await opened(ring(), { ttl: "1h" }).addMessages(hello("one"));
    const { messages } = historyKeys("chat", id);
    expect(await client.get(dataKey())).toMatch(/^[\w-]{8} old [\w-]{80}$/);
    expect(await client.pexpiretime(dataKey())).toBeGreaterThan(await client.pexpiretime(messages));
    await opened(ring(), { ttl: "1d" }).addMessages(hello("two"));
    expect(await client.pexpiretime(dataKey())).toBeGreaterThan(await client.pexpiretime(messages));
    await opened(ring(), { ttl: "never" }).addMessages(hello("three"));
    expect(await client.pttl(dataKey())).toBe(-1);
    await opened(ring(), { ttl: "1h" }).addMessages(hello("four"));
    expect(await client.pttl(dataKey())).toBe(-1);
    expect(await texts(opened(ring()))).toHaveLength(8);
  });

  test("a process that knows the key takes one round trip a call, and one that does not takes two", async () => {
    const encryption = ring();
    await opened(encryption).addMessages(hello("one"));
    const cold = ring();
    // As the library tells it: other tests run on the same servers, whose own counts have theirs too.
    const told: number[] = [];
    const hear = (end: unknown): void => {
      const { operation, roundTrips } = end as OperationEnd;
      if (operation === "history.append") told.push(roundTrips);
    };
    subscribe(OPERATIONS_CHANNEL, hear);
    onTestFinished(() => void unsubscribe(OPERATIONS_CHANNEL, hear));
    for (const [known, text] of [
      [encryption, "two"],
      [cold, "three"],
      [cold, "four"],
    ] as const) {
      await opened(known).addMessages(hello(text));
    }
    expect(told).toEqual([1, 2, 1]);
  });

  test("of writers that are the first at once, all are stored under one key", async () => {
    for (let round = 0; round < amount(5, 100); round++) {
      id = `${id}-${round}`;
      const writers = [1, 2, 3, 4, 5, 6].map((one) => opened(ring()).addMessages(hello(String(one))));
      await Promise.all(writers);
      expect(await texts(opened(ring()))).toHaveLength(12);
    }
  });

  test("a key that was destroyed while a process knew it seals nothing", async () => {
    const encryption = ring();
    const history = opened(encryption);
    await history.addMessages(hello("before"));
    const before = await client.get(dataKey());
    await opened(ring()).clear();
    expect(await client.get(dataKey())).toBe(`${before?.slice(0, 8)} -`);
    expect(await client.pttl(dataKey())).toBeGreaterThan(3_500_000);
    await opened(encryption).addMessages(hello("after"));
    expect((await client.get(dataKey()))?.slice(0, 8)).not.toBe(before?.slice(0, 8));
    expect(await texts(opened(ring()))).toEqual(["after", "To after"]);
    expect(await texts(opened(encryption))).toEqual(["after", "To after"]);
  });

  test("a key that is gone, for example evicted, is not made again by a process that knew it", async () => {
    const encryption = ring();
    await opened(encryption).addMessages(hello("before"));
    await client.del(dataKey());
    await opened(encryption).addMessages(hello("after"));
    expect(await reason(opened(ring()).getMessages())).toBeInstanceOf(CorruptMessageError);
    expect(await texts(opened(ring(), { onCorrupt: "skip" }))).toEqual(["after", "To after"]);
  });

  test("with another key of the ring under the same id, or without it, the error is typed, and nothing is lost or skipped", async () => {
    await opened(ring()).addMessages(hello("one"));
    const wrong = keyring({ current: "old", keys: { old: randomBytes(32) } });
    const lacking = keyring({ current: "new", keys: { new: keys.new } });
    for (const other of [wrong, lacking]) {
      for (const onCorrupt of ["throw", "skip"]) {
        const error = await reason(opened(other, { onCorrupt }).getMessages());
        expect(error).toBeInstanceOf(EncryptionKeyError);
        expect(error).toMatchObject({ code: "ENCRYPTION_KEY", keyId: "old" });
      }
      expect(await reason(opened(other).addMessages(hello("two")))).toBeInstanceOf(EncryptionKeyError);
    }
    expect(await texts(opened(ring()))).toEqual(["one", "To one"]);
  });

  test("a rotation: the next write wraps the data key anew, its messages stay as they are, and nothing is unreadable", async () => {
    await opened(ring()).addMessages(hello("one"));
    const before = await client.get(dataKey());
    const rotated = ring({ current: "new" });
    expect(await texts(opened(rotated))).toEqual(["one", "To one"]);
    await opened(rotated).addMessages(hello("two"));
    const after = await client.get(dataKey());
    expect(after).toMatch(/^[\w-]{8} new /);
    expect(after?.slice(0, 8)).toBe(before?.slice(0, 8));
    // The old key of the ring is needed no more.
    const withoutOld = keyring({ current: "new", keys: { new: keys.new } });
    expect(await texts(opened(withoutOld))).toEqual(["one", "To one", "two", "To two"]);
  });

  test("under load, with the ring's key changing under the writers, nothing is unreadable or lost", async () => {
    const rings = [ring(), ring({ current: "new" }), ring(), ring({ current: "new" })];
    const writes = Array.from({ length: amount(40, 1_000) }, (_, index) =>
      opened(index % 7 === 0 ? ring({ current: index % 2 ? "new" : "old" }) : rings[index % 4]).addMessages(
        hello(String(index)),
      ),
    );
    await Promise.all(writes);
    expect(await texts(opened(ring()))).toHaveLength(writes.length * 2);
  });

  test("a repeated write that was sealed with a key which is destroyed since is refused, and stores nothing", async () => {
    await opened(ring()).addMessages(hello("one"), { operationId: `${id}-one` });
    await opened(ring()).clear();
    expect(await reason(opened(ring()).addMessages(hello("one"), { operationId: `${id}-one` }))).toMatchObject({
      code: "OPERATION_CONFLICT",
    });
    expect(await texts(opened(ring()))).toEqual([]);
  });

  test("erasing a user destroys the key; whoever knew it makes a new one for who comes back", async () => {
    const encryption = ring();
    const sessions = new SessionStore({ client, encryption });
    closing.push(() => sessions.close());
    const owner = { userId: id };
    const key = ownerKeys("chat", ownerTag(id, undefined)).dataKey;
    const first = await sessions.create({ ...owner, agentId: "support", metadata: { a: 1 } });
    await sessions.history(first.session).addMessages(hello("one"));
    const before = await client.get(key);
    await new SessionStore({ client, encryption: ring() }).eraseUser(owner);
    expect(await client.get(key)).toBe(`${before?.slice(0, 8)} -`);
    const { session } = await sessions.create({ ...owner, agentId: "support", metadata: { a: 2 } });
    await sessions.history(session).addMessages(hello("two"));
    const elsewhere = new SessionStore({ client, encryption: ring() });
    expect(await texts(elsewhere.history(session))).toEqual(["two", "To two"]);
    expect((await elsewhere.list(owner)).map(({ metadata }) => metadata)).toEqual([{ a: 2 }]);
  });

  // A copy to another key is to another slot of a Cluster.
  test.skipIf("nodes" in client)("a client whose keyPrefix changes reads what was sealed before", async () => {
    await opened(ring()).addMessages(hello("one"));
    // The same history under another spelling of its keys: what is sealed says nothing of these.
    for (const part of ["messages", "data-key"]) {
      await client.copy(`chat:history:{${id}}:${part}`, `moved:app:history:{${id}}:${part}`);
    }
    const prefixed = keep(connect({ keyPrefix: "moved:" }));
    const history = new RedisChatMessageHistory({
      client: prefixed,
      keyPrefix: "app",
      sessionId: id,
      encryption: ring(),
    });
    expect(await texts(history)).toEqual(["one", "To one"]);
  });
});

describe("keys that are kept elsewhere", () => {
  const client = keep(new Redis(inject("servers").single));
  const other = keep(new Redis(inject("servers").single));
  const history = (encryption: Keyring): RedisChatMessageHistory =>
    new RedisChatMessageHistory({ client, sessionId: id, encryption });
  const content = async (encryption: Keyring): Promise<unknown[]> =>
    (await history(encryption).getMessages()).map((message) => message.content);

  test.each([
    { place: "a table", make: () => new TableOfKeys() },
    {
      place: "another Redis",
      make: () => redisDataKeys({ client: other, keyPrefix: `elsewhere-${Date.now()}` }),
    },
  ])("$place: they are found by all, and Redis has their names only", async ({ make }) => {
    const dataKeys = make();
    await Promise.all([1, 2, 3, 4].map((one) => history(ring({ dataKeys })).addMessages(hello(String(one)))));
    expect(await client.get(historyKeys("chat", id).dataKey)).toMatch(/^[\w-]{8} elsewhere$/);
    expect(await content(ring({ dataKeys }))).toHaveLength(8);
    const rotated = ring({ dataKeys, current: "new" });
    await history(rotated).addMessages(hello("five"));
    expect(await dataKeys.get(`history:${id}`, { ttl: "never" })).toMatch(/^[\w-]{8} new /);
    expect(await content(ring({ dataKeys }))).toHaveLength(10);

    await history(ring({ dataKeys })).clear();
    expect(await dataKeys.get(`history:${id}`, { ttl: "never" })).toBeUndefined();
    await history(rotated).addMessages(hello("again"));
    expect(await content(ring({ dataKeys }))).toEqual(["again", "To again"]);
  });

  test("reading makes no key", async () => {
    const dataKeys = new TableOfKeys();
    expect(await content(ring({ dataKeys }))).toEqual([]);
    expect(dataKeys.table.size).toBe(0);
  });

  test("an erasure that broke off behind its first step is completed by the next write", async () => {
    const dataKeys = new TableOfKeys();
    const encryption = ring({ dataKeys });
    await history(encryption).addMessages(hello("one"));
    const dead = dataKeys.table.get(`history:${id}`);
    await client.set(historyKeys("chat", id).dataKey, `${dead?.slice(0, 8)} -`);
    await history(encryption).addMessages(hello("two"));
    expect(dataKeys.table.get(`history:${id}`)).not.toBe(dead);
    expect(await reason(content(ring({ dataKeys })))).toBeInstanceOf(CorruptMessageError);
  });

  test("a key that was destroyed in its place, with its name still in Redis, is followed by another one", async () => {
    const dataKeys = new TableOfKeys();
    await history(ring({ dataKeys })).addMessages(hello("one"));
    dataKeys.table.clear();
    await history(ring({ dataKeys })).addMessages(hello("two"));
    const skipping = new RedisChatMessageHistory({
      client,
      sessionId: id,
      encryption: ring({ dataKeys }),
      onCorrupt: "skip",
    });
    expect((await skipping.getMessages()).map((message) => message.content)).toEqual(["two", "To two"]);
  });

  test("when they cannot be reached, or never answer, nothing is written, and the error quotes nothing", async () => {
    const refusing = new TableOfKeys();
    refusing.get = async () => Promise.reject(new Error(`no key for ${id}`));
    const error = await reason(history(ring({ dataKeys: refusing })).addMessages(hello("one")));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error).toMatchObject({ indeterminate: false });
    expect(String((error as Error).stack)).not.toContain(`no key for`);
    const silent = new TableOfKeys();
    silent.get = async () => new Promise(() => {});
    const slow = new RedisChatMessageHistory({
      client,
      sessionId: id,
      deadline: 0.2,
      encryption: ring({ dataKeys: silent }),
    });
    expect(await reason(slow.addMessages(hello("one")))).toBeInstanceOf(StoreUnavailableError);
    expect(await client.exists(historyKeys("chat", id).messages)).toBe(0);
  });

  test("without `dataKeys`, what was sealed with such a key is an EncryptionKeyError", async () => {
    await history(ring({ dataKeys: new TableOfKeys() })).addMessages(hello("one"));
    expect(await reason(content(ring()))).toBeInstanceOf(EncryptionKeyError);
    expect(await reason(history(ring()).addMessages(hello("two")))).toBeInstanceOf(EncryptionKeyError);
  });

  test("an erased user's old backup is unreadable with the full ring; control: it is readable where the keys are in it", async () => {
    for (const dataKeys of [new TableOfKeys(), undefined]) {
      id = `${id}+`;
      await history(ring({ dataKeys })).addMessages(hello("one"));
      const { messages, dataKey } = historyKeys("chat", id);
      const backup = [await client.dumpBuffer(messages), await client.dumpBuffer(dataKey)] as const;
      await history(ring({ dataKeys })).clear();
      await client.restore(messages, 60_000, backup[0], "REPLACE");
      await client.restore(dataKey, 60_000, backup[1], "REPLACE");
      const found = await reason(content(ring({ dataKeys })));
      expect(found instanceof CorruptMessageError).toBe(dataKeys !== undefined);
    }
  });
});

test("the options of a ring are checked, and no error quotes a key", () => {
  const bad: unknown[] = [
    undefined,
    {},
    { current: "a", keys: {} },
    { current: "a", keys: { b: keys.old } },
    { current: "a", keys: { a: "short" } },
    { current: "a", keys: { a: randomBytes(16) } },
    { current: "a b", keys: { "a b": keys.old } },
    { current: "old", keys, dataKeys: {} },
    { current: "old", keys, seal: "no" },
    { current: "old", keys, other: true },
  ];
  for (const options of bad) {
    let error: unknown;
    try {
      keyring(options as never);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(String(error)).not.toContain("short");
  }
  for (const key of [keys.old, keys.old.toString("base64"), keys.old.toString("base64url")]) {
    expect(() => keyring({ current: "a", keys: { a: key } })).not.toThrow();
  }
  expect(() => new RedisChatMessageHistory({ client: {} as never, sessionId: "a", encryption: {} as never })).toThrow(
    InvalidOptionError,
  );
});
