// Threads with `encryption`: what is in Redis says nothing of what was stored, and what was moved or altered is refused.
import { HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { Redis } from "ioredis";
import { EncryptionKeyError, LangChainRedisError, SessionStore } from "langchain-redis-sessions";
import { RedisSaver, type RedisSaverOptions, SessionSaver, sessionConfig } from "langchain-redis-sessions/langgraph";
import { afterAll, beforeEach, describe, expect, inject, test } from "vitest";
import { SpiedServer } from "../encryption/support/spied-server.js";
import { toolTurns } from "../bench/graphs/tool-turns.js";
import { freshId } from "../support/turns.js";
import { chain, listed, put, threadConfig, valuesOf } from "./support/checkpoints.js";
import { bytesUnder, keysUnder } from "./support/keys.js";
import type { Saver } from "./support/place.js";
import { sealing } from "./support/sealed.js";
import { copyThread, edit, readBy } from "./support/sealed-thread.js";

const client = new Redis(inject("servers").single);
afterAll(() => client.disconnect());

let keyPrefix: string;
beforeEach(() => {
  keyPrefix = freshId();
});
/** Each one is like another process. */
const open = (options: Partial<RedisSaverOptions> = sealing()): Saver =>
  new RedisSaver({ client, keyPrefix, ...options });
const base = (thread: string): string => `${keyPrefix}:thread:{${thread}}`;
const config = threadConfig("t");

const said = (secret: string, count: number): HumanMessage[] =>
  Array.from(
    { length: count },
    (_, index) => new HumanMessage({ content: `${secret} ${index} `.repeat(9), id: `${index}` }),
  );

/** Two checkpoints with writes: values of all lengths and kinds, each with the secret in it. */
async function stored(saver: Saver, secret: string, thread = "t"): Promise<RunnableConfig> {
  const values = {
    messages: said(secret, 40),
    long: `${secret} `.repeat(20),
    short: secret,
    bytes: new Uint8Array(Buffer.from(`${secret} `.repeat(9))),
    state: { messages: said(secret, 3), secret },
  };
  const first = await put(saver, { on: threadConfig(thread), values, metadata: { ["note"]: secret } });
  const second = await put(saver, {
    on: first,
    values: { messages: said(secret, 42), other: `${secret}!` },
    carried: { long: values.long, short: secret, bytes: values.bytes, state: values.state },
    versions: { messages: 2, other: 1 },
    metadata: { ["note"]: secret },
  });
  await saver.putWrites(
    second,
    [
      ["long", `${secret} `.repeat(9)],
      ["short", secret],
    ],
    "one",
  );
  await saver.putWrites(
    second,
    [
      ["long", `${secret}? `.repeat(9)],
      ["short", `${secret}?`],
    ],
    "two",
  );
  return second;
}

describe("of what was stored", () => {
  const secret = "wormwood-and-honey";
  const inBase64 = [0, 1, 2].map((skip) => Buffer.from(secret.slice(skip)).toString("base64").slice(0, 16));

  /** Returns which of these words a server shows: to MONITOR, in its dump, in its append-only file. */
  async function shown(words: readonly string[], options: () => Partial<RedisSaverOptions>): Promise<string[]> {
    const server = await SpiedServer.start();
    try {
      const opened = (): Saver => new RedisSaver({ client: server.client, keyPrefix, ...options() });
      const saver = opened();
      await stored(saver, secret);
      await valuesOf(opened(), config);
      await listed(opened(), config, { filter: { note: secret } });
      await toolTurns({ saver: opened() }, "tools")();
      await saver.prune?.("t", { keep: 1 });
      return await server.showing(words);
    } finally {
      await server.stop();
    }
  }

  test("nothing can be seen; ids, channels and tasks can", async () => {
    expect(await shown([secret, ...inBase64], sealing)).toEqual([]);
    const readable = await shown(["messages", "short", "thread:{t}"], sealing);
    expect(readable.filter((one) => one.startsWith("AOF"))).toHaveLength(3);
  });

  test("all of it can be seen without `encryption`", async () => {
    const all = await shown([secret, ...inBase64], () => ({}));
    expect(all.filter((one) => one.endsWith(secret)).length).toBeGreaterThan(2);
    expect(all.filter((one) => !one.endsWith(secret)).length).toBeGreaterThan(2);
  });

  test("names of nodes do not tell whether a guess is there, nor whether two threads have the same", async () => {
    await stored(open(), secret);
    await stored(open(), secret, "u");
    await stored(open({}), secret, "plain");
    const [t, u, plain] = await Promise.all(["t", "u", "plain"].map((one) => client.hkeys(`${base(one)}:nodes`)));
    const shared = (one: readonly string[] = [], other: readonly string[] = []) =>
      one.filter((name) => other.includes(name));
    expect([shared(t, u), shared(t, plain), (t?.length ?? 0) > 40]).toEqual([[], [], true]);
  });

  test("what a thread shares is stored once", async () => {
    const saver = open();
    const take = toolTurns({ saver }, "tools");
    for (let turn = 0; turn < 10; turn++) await take();
    const first = await bytesUnder(client, keyPrefix);
    for (let turn = 0; turn < 10; turn++) await take();
    expect(((await bytesUnder(client, keyPrefix)) - first) / first).toBeLessThan(1.35);
  });
});

describe("what was moved is refused:", () => {
  const told = expect.stringMatching(/^told: .*it was altered, or belongs elsewhere/) as unknown;
  const read = (): Promise<unknown> => readBy(open(), "t");

  test("control: what was not is read", async () => {
    await stored(open(), "s");
    expect(await read()).toMatchObject({ values: { short: "s" }, writes: { length: 4 } });
  });

  test("a node in the place of another", async () => {
    await stored(open(), "s");
    const nodes = Object.entries(await client.hgetallBuffer(`${base("t")}:nodes`)).filter(
      ([, node]) => node[0] === 0x3d,
    );
    let count = 0;
    for (const [index, [name, node]] of nodes.entries()) {
      await client.hset(`${base("t")}:nodes`, name, nodes[(index + 1) % nodes.length]?.[1] ?? "");
      if (typeof (await read()) === "string") count += 1;
      await client.hset(`${base("t")}:nodes`, name, node);
    }
    expect(count).toBeGreaterThan(40);
  });

  test("a thread in the place of another one of the same user", async () => {
    const sessions = new SessionStore({ client, keyPrefix, ...sealing() });
    const saver = new SessionSaver({ sessions });
    const { session } = await sessions.create({ userId: "ada", agentId: "a" });
    const other = await sessions.openConversation(session);
    const begin = async (of: typeof session): Promise<string> => {
      await put(saver, { on: sessionConfig(of), values: { said: `of ${of.conversationId}` } });
      const keys = await keysUnder(client, keyPrefix);
      return (
        keys.find((key) => key.endsWith(`:thread:${of.conversationId}:arrivals`))?.slice(0, -":arrivals".length) ?? ""
      );
    };
    const [from, to] = [await begin(session), await begin(other)];
    expect(await valuesOf(saver, sessionConfig(other))).toEqual({ said: `of ${other.conversationId}` });
    const place = async (thread: string): Promise<string> =>
      (await client.zrange(`${thread}:arrivals`, "0", "-1"))[0] ?? "";
    const moved = await client.hgetBuffer(`${from}:checkpoints`, `c${await place(from)}`);
    await edit(client, to, `c${await place(to)}`, "packed.references = cmsgpack.unpack(ARGV[2]).references", moved);
    await expect(valuesOf(saver, sessionConfig(other))).rejects.toMatchObject({ channel: "said" });
    await copyThread(client, from, to);
    await expect(valuesOf(saver, sessionConfig(other))).rejects.toMatchObject({ code: "CORRUPT_CHECKPOINT" });
    await sessions.close();
  });

  test("a thread in the place of one of another user, and with that one's key", async () => {
    await stored(open(), "s");
    await put(open(), { on: threadConfig("u"), values: { mine: true } });
    await copyThread(client, base("t"), base("u"));
    expect(await readBy(open(), "u")).toMatch(/sealed with a key that is not its owner's/);
    await client.copy(`${base("t")}:data-key`, `${base("u")}:data-key`, "REPLACE");
    await expect(readBy(open(), "u")).rejects.toBeInstanceOf(EncryptionKeyError);
  });

  const within: readonly (readonly [what: string, field: (place: string) => string, lua: string])[] = [
    [
      "the value of one channel in another",
      (place) => `c${place}`,
      "packed.references[3], packed.references[6] = packed.references[6], packed.references[3]",
    ],
    [
      "a channel's value, which is left out",
      (place) => `c${place}`,
      "for i = 1, 3 do table.remove(packed.references) end",
    ],
    ["a channel under the name of another", (place) => `c${place}`, "packed.references[1] = 'evil'"],
    ["another parent", (place) => `c${place}`, "packed.parent = packed.parent .. '0'"],
    ["metadata in the place of the checkpoint", (place) => `c${place}`, "packed.rest = packed.metadata"],
    ["a write of one channel in another", (place) => `w${place}\none`, "packed[4], packed[7] = packed[7], packed[4]"],
    ["a write under another index", (place) => `w${place}\none`, "packed[2] = '-3'"],
  ];

  test.each(within)("%s", async (_what, field, lua) => {
    const { configurable } = await stored(open(), "s");
    await edit(client, base("t"), field(`\n${configurable?.["checkpoint_id"]}`), lua);
    expect(await read()).toEqual(told);
  });

  test("a checkpoint, and a task's writes, in the place of others", async () => {
    const second = await stored(open(), "s");
    const place = `\n${second.configurable?.["checkpoint_id"]}`;
    const [, first] = await listed(open(), config);
    const at = `${base("t")}:checkpoints`;
    const fields = await client.hgetallBuffer(at);
    await client.hset(at, `w${place}\ntwo`, fields[`w${place}\none`] ?? "");
    expect(await read()).toEqual(told);
    await client.hset(at, `w${place}\ntwo`, fields[`w${place}\ntwo`] ?? "");
    await client.hset(at, `c${place}`, fields[`c\n${first?.checkpoint.id}`] ?? "");
    expect(await read()).toEqual(told);
  });
});

test("a byte that is flipped anywhere: the reader is told, or gets what was stored", async () => {
  await chain(open(), "t", 2, (step) => ({ messages: said("s", 9 + step), short: `s${step}` }));
  const [right] = await listed(open(), config);
  await open().putWrites(right?.config ?? config, [["short", "w"]], "task");
  const before = await readBy(open(), "t");
  const ring = open();
  let told = 0;
  for (const key of [`${base("t")}:nodes`, `${base("t")}:checkpoints`]) {
    for (const [field, value] of Object.entries(await client.hgetallBuffer(key))) {
      if (!/^[cw\n]/.test(field) && key.endsWith("checkpoints")) continue;
      const from = value.indexOf(0xff);
      for (let at = from; at < value.length; at += Math.ceil((value.length - from) / 60)) {
        const copy = Buffer.from(value);
        copy[at] = (copy[at] ?? 0) ^ 1;
        await client.hset(key, field, copy);
        // What is packed around what is sealed may become anything.
        const found = await readBy(ring, "t").catch((error: unknown) => {
          expect(error).toBeInstanceOf(LangChainRedisError);
          return "told";
        });
        if (typeof found === "string") told += 1;
        else expect(found ?? before).toEqual(before);
      }
      await client.hset(key, field, value);
    }
  }
  expect(told).toBeGreaterThan(600);
  expect(await readBy(open(), "t")).toEqual(before);
});
